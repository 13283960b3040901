// All runs: verdicts, figures, promises, and what documents say.

const ROWS_A_PAGE = 100;
const overview = { sort: null, descending: true, page: 0, promises: 0 };
const NO_FILTER = { text: "", system: "", verdict: "", fault: "" };
let filter = { ...NO_FILTER };

const RUN_COLUMNS = [
  { title: "verdict", cell: (run) => verdict(run.result.verdict), key: (run) => -VERDICTS[run.result.verdict].rank },
  {
    title: "run", header: true, wide: true, key: (run) => run.result.scenario,
    cell: (run) => el("a", { href: address(run) }, `${run.result.scenario}, seed ${run.seed}`),
  },
  { title: "ok", number: true, key: (run) => run.result.requests.ok, cell: (run) => figure(run.result.requests.ok) },
  { title: "failed", number: true, key: (run) => run.result.requests.failed, cell: (run) => figure(run.result.requests.failed) },
  { title: "unknown", number: true, key: (run) => run.result.requests.unknown, cell: (run) => figure(run.result.requests.unknown) },
  {
    title: "availability %", number: true, key: (run) => run.result.siege.availability_percent,
    cell: (run) => figure(run.result.siege.availability_percent, 2),
  },
  { title: "p50 ms", number: true, key: (run) => run.result.latency_ms.p50, cell: (run) => figure(run.result.latency_ms.p50, 1) },
  { title: "p99 ms", number: true, key: (run) => run.result.latency_ms.p99, cell: (run) => figure(run.result.latency_ms.p99, 1) },
  { title: "max ms", number: true, key: (run) => run.result.latency_ms.max, cell: (run) => figure(run.result.latency_ms.max, 1) },
  {
    title: "checks", number: true, key: (run) => passed(run) / (run.result.checks.length || 1),
    cell: (run) => `${passed(run)}/${run.result.checks.length}`,
  },
  {
    title: "claim, and what broke", wide: true,
    cell: (run) => [run.claim, brokenCheck(run) && el("div", { class: "small" }, el("strong", {}, "broke: "),
      `${brokenCheck(run).name}: ${brokenCheck(run).observed}, promised ${brokenCheck(run).bound}`)],
  },
];

const passed = (run) => run.result.checks.filter((check) => check.verdict === "pass").length;

function showOverview(main) {
  const counts = new Map();
  for (const run of RUNS) counts.set(run.result.verdict, (counts.get(run.result.verdict) ?? 0) + 1);
  const scenarios = new Set(RUNS.map((run) => run.result.scenario)).size;
  const list = el("div");
  const draw = () => fill(list, runsTable(draw), promisesTable(draw), documentedTables());
  fill(main,
    el("h1", { tabindex: "-1" }, EXTRA.title),
    el("p", { class: "quiet" }, `${plural(RUNS.length, "run")} of ${plural(scenarios, "scenario")}, `
      + `made in ${RESULTS.wall.total_s.toFixed(1)} s of real time. Worst first, then slowest.`),
    EXTRA.notes.map((note) => el("p", { class: "quiet small" }, note)),
    tiles(counts, draw), filters(draw), list);
  draw();
}

function tiles(counts, draw) {
  const shown = Object.keys(VERDICTS).filter((name) => counts.has(name));
  const box = el("div", { class: "tiles", role: "group", "aria-label": "Verdicts" });
  box.refill = () => fill(box, shown.map((name) => el("button", {
    type: "button", "aria-pressed": String(filter.verdict === name), "data-verdict": name,
    on: { click: () => change({ verdict: filter.verdict === name ? "" : name }, draw) },
  }, el("strong", {}, String(counts.get(name))), verdict(name))));
  box.refill();
  return box;
}

function filters(draw) {
  const choice = (name, title, options) => el("label", {}, title,
    el("select", { name, on: { change: (event) => change({ [name]: event.target.value }, draw) } },
      el("option", { value: "" }, "all"),
      options.map((value) => el("option", { value, selected: filter[name] === value }, VERDICTS[value]?.word ?? value))));
  const distinct = (values) => [...new Set(values)].sort();
  const faults = distinct(RUNS.flatMap((run) => run.result.faults.map((fault) => faultKind(fault.fault))));
  return el("form", { class: "filters", role: "search", "aria-label": "Filter the runs", on: { submit: (event) => event.preventDefault() } },
    el("label", {}, "text in name, claim, checks, faults", el("input", {
      type: "search", name: "text", value: filter.text,
      on: { input: (event) => change({ text: event.target.value }, draw) },
    })),
    choice("system", "system", distinct(RUNS.map((run) => run.result.system))),
    choice("verdict", "verdict", Object.keys(VERDICTS).filter((name) => RUNS.some((run) => run.result.verdict === name))),
    choice("fault", "fault", faults),
    el("button", { type: "button", on: { click: () => { change({ ...NO_FILTER }, draw); refillFilters(); } } }, "Show all"));
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
  for (const field of document.querySelectorAll(".filters [name]")) field.value = filter[field.name];
}

function chosenRuns() {
  const text = filter.text.toLowerCase();
  const chosen = RUNS.filter(({ result, claim }) =>
    (!filter.system || result.system === filter.system)
    && (!filter.verdict || result.verdict === filter.verdict)
    && (!filter.fault || result.faults.some((fault) => faultKind(fault.fault) === filter.fault))
    && (!text || words({ result, claim }).includes(text)));
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
  const from = overview.page * ROWS_A_PAGE;
  const sorted = (column) => column.title === overview.sort ? (overview.descending ? "descending" : "ascending") : null;
  const head = (column) => column.key ? el("button", {
    type: "button", on: { click: () => {
      overview.descending = overview.sort === column.title ? !overview.descending : column.title !== "run";
      overview.sort = column.title;
      overview.page = 0;
      draw();
      [...document.querySelectorAll("#runs thead button")].find((button) => button.dataset.title === column.title)?.focus();
    } }, "data-title": column.title,
  }, `${column.title}${sorted(column) === "descending" ? " ▾" : sorted(column) === "ascending" ? " ▴" : ""}`) : column.title;
  const caption = runs.length === RUNS.length ? `All ${plural(runs.length, "run")}` : `${runs.length} of ${plural(RUNS.length, "run")}`;
  return el("section", { id: "runs", "aria-label": "Runs" }, el("h2", {}, "Runs"),
    table({ caption, columns: RUN_COLUMNS, rows: runs.slice(from, from + ROWS_A_PAGE), head, sorted }),
    pager(runs.length, overview.page, (page) => { overview.page = page; draw(); }));
}

// One row for each promise of each scenario: how often it was kept, and its worst run.
function promisesTable(draw) {
  const rows = new Map();
  for (const run of chosenRuns()) {
    for (const check of run.result.checks) {
      const key = `${run.result.scenario}\n${check.name}`;
      const row = rows.get(key) ?? { run, check, kept: 0, runs: 0 };
      row.runs += 1;
      row.kept += check.verdict === "pass" ? 1 : 0;
      if (VERDICTS[check.verdict].rank < VERDICTS[row.check.verdict].rank) Object.assign(row, { run, check });
      rows.set(key, row);
    }
  }
  const sorted = [...rows.values()].sort((a, b) => VERDICTS[a.check.verdict].rank - VERDICTS[b.check.verdict].rank);
  const from = overview.promises * ROWS_A_PAGE;
  const columns = [
    { title: "verdict", cell: (row) => verdict(row.check.verdict) },
    { title: "scenario", cell: (row) => el("a", { href: address(row.run) }, row.run.result.scenario) },
    { title: "promise", header: true, wide: true, cell: (row) => row.check.name },
    { title: "kept", number: true, cell: (row) => `${row.kept}/${row.runs}` },
    { title: "observed", wide: true, cell: (row) => row.check.observed },
    { title: "promised", wide: true, cell: (row) => row.check.bound },
    { title: "error budget", cell: (row) => budget(row.check) },
  ];
  const make = () => table({
    caption: `${plural(sorted.length, "promise")}; of several seeds the worst, or the first`,
    columns, rows: sorted.slice(from, from + ROWS_A_PAGE),
  });
  return el("section", { id: "promises", "aria-label": "Promises" }, el("h2", {}, "Promises"), make(),
    pager(sorted.length, overview.promises, (page) => { overview.promises = page; draw(); }));
}

function pager(count, page, go) {
  const pages = Math.ceil(count / ROWS_A_PAGE);
  if (pages <= 1) return null;
  const step = (title, to) => el("button", { type: "button", disabled: to < 0 || to >= pages, on: { click: () => go(to) } }, title);
  return el("div", { class: "pager" }, step("‹ before", page - 1),
    el("span", {}, `${page * ROWS_A_PAGE + 1}–${Math.min(count, (page + 1) * ROWS_A_PAGE)} of ${count}`), step("next ›", page + 1));
}

function documentedTables() {
  const chosen = new Set(chosenRuns().map((run) => run.result.scenario));
  const shown = EXTRA.documented.filter((one) => chosen.has(one.scenario));
  if (shown.length === 0) return [];
  return [el("section", { id: "documented", "aria-label": "As documented" },
    el("h2", {}, "As documented"), shown.map(documentedTable))];
}

function documentedTable(compared) {
  const several = compared.runs > 1;
  const columns = [
    { title: "figure", header: true, cell: (row) => row.label },
    { title: "documented", number: true, cell: (row) => figure(row.documented, 2) },
    { title: several ? "mean" : "reproduced", number: true, cell: (row) => figure(row.spread.mean, 2) },
  ];
  if (several) {
    columns.push({ title: "central 90 %", number: true, cell: (row) => [figure(row.spread.low, 2), "–", figure(row.spread.high, 2)] });
    columns.push({ title: "documented is", cell: (row) => row.inside ? "✓ inside" : "✗ outside" });
  }
  return el("div", {}, el("h3", {}, compared.scenario),
    table({ caption: `${compared.scenario}, ${plural(compared.runs, "run")}; source: ${compared.source}`, columns, rows: compared.rows }),
    compared.contradictions.map((line) => el("p", { class: "small" }, el("strong", {}, "Cannot be: "), line)),
    compared.note ? el("p", { class: "small" }, compared.note) : null);
}
