// Elements. Every text goes in as text, never as markup: nothing of a run can become part of the page.

function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value))
        element.addEventListener(event, listener);
    } else {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  return fill(element, ...children);
}

// Replaces what an element holds by these: nested arrays are flattened, what is not there is left out.
function fill(element, ...children) {
  const there = (child) => child !== null && child !== undefined && child !== false;
  element.replaceChildren(...children.flat(Infinity).filter(there));
  return element;
}

// A table. A column is { title, number, wide, cell: (row) => content, header: true for the row's name }.
// `head` may replace the content of a column's header cell.
function table({ caption, columns, rows, head = (column) => column.title, sorted }) {
  const kind = (column) =>
    [column.number && "number", column.wide && "wide"].filter(Boolean).join(" ");
  const header = columns.map((column) =>
    el(
      "th",
      { scope: "col", class: kind(column) || null, "aria-sort": sorted?.(column) },
      head(column),
    ),
  );
  const body = rows.map((row) =>
    el(
      "tr",
      {},
      columns.map((column) =>
        column.header
          ? el("th", { scope: "row", class: kind(column) || null }, column.cell(row))
          : el("td", { class: kind(column) || null }, column.cell(row)),
      ),
    ),
  );
  return el(
    "div",
    { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    el(
      "table",
      {},
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, header)),
      el("tbody", {}, body),
    ),
  );
}

// Something that is made when it is first opened, and opened for printing if `print` says so.
function folded(summary, make, { open = false, print = false } = {}) {
  const details = el("details", { "data-print": print }, el("summary", {}, summary));
  let made = false;
  const makeOnce = () => {
    if (details.open && !made) {
      made = true;
      details.append(make());
    }
  };
  details.addEventListener("toggle", makeOnce);
  details.open = open;
  // Printing cannot wait for the event.
  details.makeOnce = makeOnce;
  if (open) makeOnce();
  return details;
}
