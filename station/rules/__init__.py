"""Pure rules that several features share: from the state to an answer, never to an effect."""
