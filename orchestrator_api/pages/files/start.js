// Says on the start page how the system is.
const words = {
  healthy: ["good", "All systems work"],
  degraded: ["warn", "Works with limits"],
  unavailable: ["bad", "A database is down"],
};

const pill = document.getElementById("status");
try {
  const health = await (await fetch("/healthz")).json();
  const [tone, text] = words[health.status] ?? ["warn", "No word from the system"];
  pill.className = `pill ${tone}`;
  pill.textContent = text;
  pill.title = health.reasons?.join("\n") ?? "";
} catch {
  pill.className = "pill bad";
  pill.textContent = "The API does not answer";
}
