// Log in: sends the token once; the server answers with a cookie that scripts cannot read.

const wrong = document.getElementById("wrong");

document.getElementById("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  wrong.textContent = "";
  try {
    const answer = await fetch("/login", { method: "POST", body: document.getElementById("token").value, redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.ok) {
      location.replace("/");
      return;
    }
    wrong.textContent = (await answer.json()).error.message;
  } catch {
    wrong.textContent = "the server does not answer: is it still running?";
  }
});
