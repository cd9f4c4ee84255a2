// Two ways to pass a page on that need a script: the device's own sheet, and a copy of the address.

for (const menu of document.querySelectorAll(".share")) {
  const { address: url, title } = menu.dataset;
  const [send, copy] = menu.querySelectorAll("button");
  const said = menu.querySelector("[role=status]");

  if (navigator.share) {
    send.parentElement.hidden = false;
    send.addEventListener("click", () => navigator.share({ title, url }).catch(() => {}));  // thought better of
  }

  if (navigator.clipboard) {
    copy.parentElement.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(url);
      said.textContent = said.dataset.done;
    });
  }

  menu.addEventListener("toggle", () => { said.textContent = ""; });
}
