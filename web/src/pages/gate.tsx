// Without this start's token there is nothing to see, and here is how to get it.

import { useState } from "preact/hooks";
import { keepToken } from "../api";
import { Sail } from "../icons";

export function Gate() {
  const [text, setText] = useState("");
  return (
    <main class="gate">
      <Sail />
      <h1>Argosy</h1>
      <p>
        Each start of Argosy has a token of its own, so that no other page reaches your clusters.
        Open the address that the command printed, or paste it here.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim()) keepToken(text);
        }}
      >
        <label for="token">Address or token</label>
        <input
          id="token"
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="primary">Open</button>
      </form>
    </main>
  );
}
