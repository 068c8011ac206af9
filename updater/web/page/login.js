// Logging in: a token becomes a session of this browser.
import { get, post } from "./api.js";
import { isDraftKept } from "./draft.js";
import { html, useState } from "./html.js";
import { Refused } from "./parts.js";

const NOT_KEPT = "This browser did not keep the session. Over plain HTTP some browsers keep none, not even on this " +
  "machine: use the address of --https.";

/** `onDone` gets the token's record: whose it is, and what role it has. */
export const Login = ({ onDone }) => {
  const [refusal, setRefusal] = useState(null);
  const [busy, setBusy] = useState(false);
  const logIn = async (event) => {
    event.preventDefault();
    const field = event.target.elements.token;
    setBusy(true);
    try {
      await post("session", { token: field.value.trim() });
      field.value = "";
      const me = await get("token").catch(() => Promise.reject(new Error(NOT_KEPT)));
      onDone(me);
    } catch (problem) {
      setRefusal(problem);
      setBusy(false);
    }
  };
  return html`<main id="content" class="login">
    <img src="/assets/icon.svg" alt="" width="48" height="48" />
    <h1>Kedge</h1>
    ${isDraftKept() && html`<p>The session has ended. What was typed into the form is kept for whoever typed it, until this page is closed.</p>`}
    <form onSubmit=${logIn}>
      <label for="token">Token</label>
      <input id="token" name="token" type="password" autocomplete="current-password" required autofocus spellcheck=${false} />
      <p class="quiet">As made by <code>kedge token create</code>; the first one is in <code>admin.token</code> of the server's data folder.</p>
      <${Refused} refusal=${refusal} />
      <button class="main" disabled=${busy}>Log in</button>
    </form>
  </main>`;
};
