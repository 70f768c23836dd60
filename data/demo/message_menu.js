
// Telex: the menu of a message, by a right click or a long press, as in Discord ("Apps").
{
  const menu = document.createElement("ul");
  menu.className = "message-menu";
  menu.setAttribute("role", "menu");
  menu.hidden = true;
  document.body.append(menu);

  const close = () => { menu.hidden = true; };
  const toLatest = () => ui.timeline.scrollTo(0, ui.timeline.scrollHeight);
  const ask = (details) => transport.request("/api/action", "POST", { kind: "message_menu", ...details });

  async function open(message, x, y) {
    const { entries } = await ask({ message }).catch(() => ({ entries: [] })); // the demo has ended
    menu.replaceChildren(...entries.map(({ name, label }) => {
      const entry = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("role", "menuitem");
      button.textContent = label;
      button.addEventListener("click", async () => {
        close();
        await ask({ message, name }).catch(close);
        setTimeout(toLatest, 1000); // by then the page has read what was answered
      });
      entry.append(button);
      return entry;
    }));
    if (!entries.length) return;
    menu.hidden = false;
    menu.style.left = `${Math.max(0, Math.min(x, window.innerWidth - menu.offsetWidth - 8))}px`;
    menu.style.top = `${Math.max(0, Math.min(y, window.innerHeight - menu.offsetHeight - 8))}px`;
    menu.querySelector("button").focus();
  }

  document.addEventListener("contextmenu", (event) => {
    const message = event.target instanceof Element && event.target.closest("[data-message-id]");
    if (!message || event.target.closest("a, input, textarea")) return;
    event.preventDefault();
    void open(message.dataset.messageId, event.clientX, event.clientY);
  });
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) close(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
}
