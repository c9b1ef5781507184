// Log in: sends the token once; the server answers with a cookie that scripts cannot read.
// The address may bring the token behind a '#', which browsers never send and this script takes out of the address.

const wrong = document.getElementById("wrong");
const token = document.getElementById("token");
const login = document.getElementById("login");

login.addEventListener("submit", async (event) => {
  event.preventDefault();
  wrong.textContent = "";
  try {
    const answer = await fetch("/login", { method: "POST", body: token.value, redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.ok) {
      location.replace("/");
      return;
    }
    wrong.textContent = (await answer.json()).error.message;
  } catch {
    wrong.textContent = "the server does not answer: is it still running?";
  }
});

if (location.hash.length > 1) {
  token.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  login.requestSubmit();
}
