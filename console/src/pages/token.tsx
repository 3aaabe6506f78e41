// Asks once for the management token. It is kept for this tab only, and goes nowhere but to this server.
import { useRef } from "preact/hooks";
import { setToken } from "../api/client";
import { Dialog } from "../parts/dialog";
import { Icon } from "../parts/icon";

export function TokenDialog({ wrong }: { wrong: boolean }) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <Dialog label="Management token" class="token" close={null}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const value = field.current?.value.trim();
          if (value) setToken(value);
        }}
      >
        <div class="dialog-head">
          <h2>
            <Icon name="lock" /> This console asks for a token
          </h2>
        </div>
        <p>It listens beyond this machine, so it answers only to those who know its management token. The token is kept until you close this tab.</p>
        <label class="field">
          <span>Token</span>
          <input ref={field} type="password" autocomplete="off" spellcheck={false} autoFocus aria-invalid={wrong} aria-describedby={wrong ? "token-wrong" : undefined} />
        </label>
        {wrong ? (
          <p id="token-wrong" class="tone-bad" role="alert">
            <Icon name="bad" /> That token was refused.
          </p>
        ) : null}
        <div class="dialog-foot">
          <button type="submit" class="button primary">
            Continue
          </button>
        </div>
      </form>
    </Dialog>
  );
}
