// Markup as tagged templates. What stands in one is an element or a text, never markup of its own.
import { Component, h, render } from "./vendor/preact.mjs";
import htm from "./vendor/htm.mjs";

export const html = htm.bind(h);
export { Component, render };
