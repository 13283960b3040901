// All runs: verdicts, figures, promises, and what documents say.

// On paper there are no pages to turn.
const ROWS_ON_SCREEN = 100;
const ROWS_ON_PAPER = 1000;
let rowsAPage = ROWS_ON_SCREEN;
const overview = { sort: null, descending: true, page: 0, promises: 0 };
const NO_FILTER = { text: "", system: "", verdict: "", fault: "" };
let filter = { ...NO_FILTER };

const RUN_COLUMNS = [
  {
    title: "verdict",
    cell: (run) => verdict(run.result.verdict),
    key: (run) => -VERDICTS[run.result.verdict].rank,
  },
  {
    title: "run",
    header: true,
    wide: true,
    key: (run) => run.result.scenario,
    cell: (run) => [
      el("a", { href: address(run) }, `${run.result.scenario}, seed ${run.seed}`),
      el("div", { class: "claim small" }, run.claim),
      brokenCheck(run) &&
        el("div", { class: "claim small" }, el("strong", {}, "broke: "), brokenWords(run)),
    ],
  },
  {
    title: "ok",
    number: true,
    key: (run) => run.result.requests.ok,
    cell: (run) => figure(run.result.requests.ok),
  },
  {
    title: "failed",
    number: true,
    key: (run) => run.result.requests.failed,
    cell: (run) => figure(run.result.requests.failed),
  },
  {
    title: "unknown",
    number: true,
    key: (run) => run.result.requests.unknown,
    cell: (run) => figure(run.result.requests.unknown),
  },
  {
    title: "availability %",
    number: true,
    key: (run) => run.result.siege.availability_percent,
    cell: (run) => figure(run.result.siege.availability_percent, 2),
  },
  {
    title: "p50 ms",
    number: true,
    key: (run) => run.result.latency_ms.p50,
    cell: (run) => figure(run.result.latency_ms.p50, 1),
  },
  {
    title: "p99 ms",
    number: true,
    key: (run) => run.result.latency_ms.p99,
    cell: (run) => figure(run.result.latency_ms.p99, 1),
  },
  {
    title: "max ms",
    number: true,
    key: (run) => run.result.latency_ms.max,
    cell: (run) => figure(run.result.latency_ms.max, 1),
  },
  {
    title: "checks",
    number: true,
    key: (run) => passed(run) / (run.result.checks.length || 1),
    cell: (run) => `${passed(run)}/${run.result.checks.length}`,
  },
];

const brokenWords = (run) => {
  const { name, observed, bound } = brokenCheck(run);
  return `${name}: observed ${observed}, promised ${bound}`;
};
const passed = (run) => run.result.checks.filter((check) => check.verdict === "pass").length;

function showOverview(main) {
  const counts = new Map();
  for (const run of RUNS) counts.set(run.result.verdict, (counts.get(run.result.verdict) ?? 0) + 1);
  const scenarios = new Set(RUNS.map((run) => run.result.scenario)).size;
  const list = el("div");
  const draw = () =>
    fill(list, runsTable(draw), brokenPromises(), documentedTables(), allPromises(draw));
  fill(
    main,
    el("h1", { tabindex: "-1" }, EXTRA.title),
    el(
      "p",
      { class: "quiet" },
      `${plural(RUNS.length, "run")} of ${plural(scenarios, "scenario")}, ` +
        `made in ${RESULTS.wall.total_s.toFixed(1)} s of real time. Worst first, then slowest.`,
    ),
    EXTRA.notes.map((note) => el("p", { class: "quiet small" }, note)),
    tiles(counts, draw),
    filters(draw),
    list,
  );
  draw();
  overview.draw = () => list.isConnected && draw();
}

function redrawOverview(rows) {
  rowsAPage = rows;
  overview.draw?.();
}

function tiles(counts, draw) {
  const shown = Object.keys(VERDICTS).filter((name) => counts.has(name));
  const box = el("div", { class: "tiles", role: "group", "aria-label": "Verdicts" });
  box.refill = () =>
    fill(
      box,
      shown.map((name) =>
        el(
          "button",
          {
            type: "button",
            "aria-pressed": String(filter.verdict === name),
            "data-verdict": name,
            on: { click: () => change({ verdict: filter.verdict === name ? "" : name }, draw) },
          },
          el("strong", {}, String(counts.get(name))),
          verdict(name),
        ),
      ),
    );
  box.refill();
  return box;
}

function filters(draw) {
  const choice = (name, title, options) =>
    el(
      "label",
      {},
      title,
      el(
        "select",
        { name, on: { change: (event) => change({ [name]: event.target.value }, draw) } },
        el("option", { value: "" }, "all"),
        options.map((value) =>
          el("option", { value, selected: filter[name] === value }, VERDICTS[value]?.word ?? value),
        ),
      ),
    );
  const distinct = (values) => [...new Set(values)].sort();
  const faults = distinct(
    RUNS.flatMap((run) => run.result.faults.map((fault) => faultKind(fault.fault))),
  );
  return el(
    "form",
    {
      class: "filters",
      role: "search",
      "aria-label": "Filter the runs",
      on: { submit: (event) => event.preventDefault() },
    },
    el(
      "label",
      {},
      "text in name, claim, checks, faults",
      el("input", {
        type: "search",
        name: "text",
        value: filter.text,
        on: { input: (event) => change({ text: event.target.value }, draw) },
      }),
    ),
    choice("system", "system", distinct(RUNS.map((run) => run.result.system))),
    choice(
      "verdict",
      "verdict",
      Object.keys(VERDICTS).filter((name) => RUNS.some((run) => run.result.verdict === name)),
    ),
    choice("fault", "fault", faults),
    el(
      "button",
      {
        type: "button",
        on: {
          click: () => {
            change({ ...NO_FILTER }, draw);
            refillFilters();
          },
        },
      },
      "Show all",
    ),
  );
}

function change(part, draw) {
  filter = { ...filter, ...part };
  overview.page = 0;
  overview.promises = 0;
  draw();
  if (!("text" in part)) refillFilters();
}

function refillFilters() {
  document.querySelector(".tiles")?.refill();
  for (const field of document.querySelectorAll(".filters [name]"))
    field.value = filter[field.name];
}

function chosenRuns() {
  const text = filter.text.toLowerCase();
  const chosen = RUNS.filter(
    ({ result, claim }) =>
      (!filter.system || result.system === filter.system) &&
      (!filter.verdict || result.verdict === filter.verdict) &&
      (!filter.fault || result.faults.some((fault) => faultKind(fault.fault) === filter.fault)) &&
      (!text || words({ result, claim }).includes(text)),
  );
  const column = RUN_COLUMNS.find((one) => one.title === overview.sort);
  if (!column) return chosen.sort(byBadness);
  const sign = overview.descending ? -1 : 1;
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  return chosen.sort((a, b) => sign * compare(column.key(a), column.key(b)) || a.index - b.index);
}

function words({ result, claim }) {
  const checks = result.checks.map((check) => check.name);
  const faults = result.faults.map((fault) => fault.fault);
  return [result.scenario, claim, ...checks, ...faults].join("\n").toLowerCase();
}

function runsTable(draw) {
  const runs = chosenRuns();
  const from = overview.page * rowsAPage;
  const sorted = (column) =>
    column.title === overview.sort ? (overview.descending ? "descending" : "ascending") : null;
  const head = (column) =>
    column.key
      ? el(
          "button",
          {
            type: "button",
            on: {
              click: () => {
                overview.descending =
                  overview.sort === column.title ? !overview.descending : column.title !== "run";
                overview.sort = column.title;
                overview.page = 0;
                draw();
                [...document.querySelectorAll("#runs thead button")]
                  .find((button) => button.dataset.title === column.title)
                  ?.focus();
              },
            },
            "data-title": column.title,
          },
          `${column.title}${sorted(column) === "descending" ? " ▾" : sorted(column) === "ascending" ? " ▴" : ""}`,
        )
      : column.title;
  const caption =
    runs.length === RUNS.length
      ? `All ${plural(runs.length, "run")}`
      : `${runs.length} of ${plural(RUNS.length, "run")}`;
  return el(
    "section",
    { id: "runs", "aria-label": "Runs" },
    el("h2", {}, "Runs"),
    table({
      caption,
      columns: RUN_COLUMNS,
      rows: runs.slice(from, from + rowsAPage),
      head,
      sorted,
    }),
    pager(runs.length, overview.page, (page) => {
      overview.page = page;
      draw();
    }),
  );
}

function pager(count, page, go) {
  const pages = Math.ceil(count / rowsAPage);
  if (pages <= 1) return null;
  const step = (title, to) =>
    el(
      "button",
      { type: "button", disabled: to < 0 || to >= pages, on: { click: () => go(to) } },
      title,
    );
  return el(
    "div",
    { class: "pager" },
    step("‹ before", page - 1),
    el(
      "span",
      {},
      `${page * rowsAPage + 1}–${Math.min(count, (page + 1) * rowsAPage)} of ${count}`,
    ),
    step("next ›", page + 1),
  );
}
