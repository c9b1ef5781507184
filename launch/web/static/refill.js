// Refill: replaces what a list holds, and leaves the keyboard's focus where it was.

// Entries that can be reached carry `data-key`. A slider with the focus keeps the value that it shows. Returns whether
// the focus is still in the list.
export function refill(list, entries) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  list.replaceChildren(...entries);
  const again = focused && list.querySelector(`[data-key="${CSS.escape(focused.dataset.key)}"]`);
  if (again?.type === "range") again.value = focused.value;
  again?.focus({ preventScroll: true });
  return !focused || Boolean(again);
}
