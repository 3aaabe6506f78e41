// What the browser loads beside the page: no build step, no other origin.

export const STYLE = `
:root { --ink: #1c2321; --paper: #faf7f0; --red: #b3312c; --rail: #5c6b66; color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; font: 17px/1.5 Georgia, "Times New Roman", serif; color: var(--ink); background: var(--paper); }
header, main, footer { max-width: 62rem; margin: 0 auto; padding: 1rem 1.5rem; }
header { padding-top: 2.5rem; text-align: center; }
h1 { margin: .3rem 0 0; font-size: clamp(2.2rem, 6vw, 3.6rem); letter-spacing: .02em; }
h2 { margin: 3rem 0 .5rem; border-bottom: 2px solid var(--ink); }
.line { display: flex; justify-content: space-between; width: 9rem; height: 4px; margin: 0 auto; background: var(--red); }
.line i { width: 14px; height: 14px; margin-top: -5px; border: 3px solid var(--red); border-radius: 50%; background: var(--paper); }
.products { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1.2rem; padding: 0; list-style: none; }
.products li { display: flex; flex-direction: column; padding: 1.2rem; background: #fff; border: 1px solid #ddd6c6; border-radius: 6px; }
.products h3 { margin: .4rem 0 0; }
.products p { flex: 1; margin: .3rem 0 1rem; color: var(--rail); }
.emoji { font-size: 2.4rem; line-height: 1; }
button { padding: .6rem 1rem; font: inherit; color: #fff; background: var(--red); border: 0; border-radius: 4px; cursor: pointer; }
button:hover, button:focus-visible { background: #8f2521; }
button:disabled { background: var(--rail); cursor: wait; }
.notice { padding: .8rem 1rem; background: #fff3d6; border-left: 4px solid #d99a1c; }
.orders { padding-left: 1.4rem; }
.orders time { color: var(--rail); }
footer { padding-bottom: 3rem; color: var(--rail); font-size: .9rem; text-align: center; }
`;

export const SCRIPT = `
const answer = document.getElementById("answer");
function tell(message) { answer.hidden = false; answer.textContent = message; }
document.querySelectorAll("button[data-sku]").forEach((button) => button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    const response = await fetch("/api/orders", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ lines: [{ sku: button.dataset.sku, quantity: 1 }], card: "4242 4242 4242 4242" }),
    });
    const body = await response.json();
    if (!response.ok) throw new Error(body.error?.message ?? "status " + response.status);
    tell("Order " + body.id + " is paid. Thank you!");
    const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
    document.getElementById("orders").replaceWith(page.getElementById("orders"));
  } catch (error) {
    tell("That did not work: " + error.message);
  } finally {
    button.disabled = false;
  }
}));
`;
