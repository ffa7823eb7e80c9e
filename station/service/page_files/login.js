// Asks for the token of the service.
import { signal } from "./vendor/signals-core.mjs";
import { html } from "./html.js";
import { enter } from "./live.js";
import { text } from "./texts.js";

const refusal = signal("");

export function Login() {
  return html`
    <h1>${text("login")}</h1>
    <form class="card login" onSubmit=${submit}>
      <p>${text("login.why")}</p>
      <input type="text" autocomplete="username" value="chargebox" readonly hidden />
      <label>${text("login.token")} <input id="token" type="password" autocomplete="current-password" required /></label>
      <label class="check"><input id="may-act" type="checkbox" /> ${text("login.act")}</label>
      <p role="alert" class="outcome bad">${refusal.value}</p>
      <button type="submit">${text("login.enter")}</button>
    </form>
  `;
}

async function submit(event) {
  event.preventDefault();
  try {
    await enter(document.getElementById("token").value.trim(), document.getElementById("may-act").checked);
    refusal.value = "";
  } catch (error) {
    refusal.value = error.message;
  }
}
