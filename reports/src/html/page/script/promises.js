// What was promised and what was seen, over all chosen runs; and what documents say.

// One row for each promise of each scenario: how often it was kept, and its worst run.
function promises() {
  const rows = new Map();
  for (const run of chosenRuns()) {
    for (const check of run.result.checks) {
      const key = `${run.result.scenario}\n${check.name}`;
      const row = rows.get(key) ?? { run, check, kept: 0, runs: 0 };
      row.runs += 1;
      row.kept += check.verdict === "pass" ? 1 : 0;
      if (VERDICTS[check.verdict].rank < VERDICTS[row.check.verdict].rank) {
        Object.assign(row, { run, check });
      }
      rows.set(key, row);
    }
  }
  const rank = (row) => VERDICTS[row.check.verdict].rank;
  return [...rows.values()].sort((a, b) => rank(a) - rank(b));
}

const PROMISE_COLUMNS = [
  { title: "verdict", cell: (row) => verdict(row.check.verdict) },
  {
    title: "scenario",
    cell: (row) => el("a", { href: address(row.run) }, row.run.result.scenario),
  },
  { title: "promise", header: true, wide: true, cell: (row) => row.check.name },
  { title: "kept", number: true, cell: (row) => `${row.kept}/${row.runs}` },
  { title: "observed", wide: true, cell: (row) => row.check.observed },
  { title: "promised", wide: true, cell: (row) => row.check.bound },
  { title: "error budget", cell: (row) => budget(row.check) },
];

// Those that were not kept, and those that spend an error budget.
function brokenPromises() {
  const rows = promises();
  const telling = rows.filter((row) => row.check.verdict !== "pass" || budget(row.check) !== "–");
  if (telling.length === 0) return null;
  const caption = "Not kept, or with an error budget; of several seeds the worst, or the first";
  return el(
    "section",
    { id: "promises", "aria-label": "Promises" },
    el("h2", {}, "Promises"),
    table({ caption, columns: PROMISE_COLUMNS, rows: telling.slice(0, rowsAPage) }),
    telling.length > rowsAPage
      ? el("p", { class: "quiet" }, `… and ${telling.length - rowsAPage} more, below.`)
      : null,
  );
}

function allPromises(draw) {
  const rows = promises();
  const from = overview.promises * rowsAPage;
  const go = (page) => {
    overview.promises = page;
    overview.allPromises = true;
    draw();
  };
  const make = () =>
    el(
      "div",
      {},
      table({
        caption: "Of several seeds the worst, or the first",
        columns: PROMISE_COLUMNS,
        rows: rows.slice(from, from + rowsAPage),
      }),
      pager(rows.length, overview.promises, go),
    );
  return el(
    "section",
    { "aria-label": "All promises" },
    el("h2", {}, "All promises"),
    folded(`${plural(rows.length, "promise")}: observed and promised`, make, {
      open: overview.allPromises,
    }),
  );
}

function documentedTables() {
  const chosen = new Set(chosenRuns().map((run) => run.result.scenario));
  const shown = EXTRA.documented.filter((one) => chosen.has(one.scenario));
  if (shown.length === 0) return [];
  return [
    el(
      "section",
      { id: "documented", "aria-label": "As documented" },
      el("h2", {}, "As documented"),
      shown.map(documentedTable),
    ),
  ];
}

function documentedTable(compared) {
  const several = compared.runs > 1;
  const columns = [
    { title: "figure", header: true, cell: (row) => row.label },
    { title: "documented", number: true, cell: (row) => figure(row.documented, 2) },
    {
      title: several ? "mean" : "reproduced",
      number: true,
      cell: (row) => figure(row.spread.mean, 2),
    },
  ];
  if (several) {
    columns.push({
      title: "central 90 %",
      number: true,
      cell: (row) => [figure(row.spread.low, 2), "–", figure(row.spread.high, 2)],
    });
    columns.push({
      title: "documented is",
      cell: (row) => (row.inside ? "✓ inside" : "✗ outside"),
    });
  }
  return el(
    "div",
    {},
    el("h3", {}, compared.scenario),
    table({
      caption: `${compared.scenario}, ${plural(compared.runs, "run")}; source: ${compared.source}`,
      columns,
      rows: compared.rows,
    }),
    compared.contradictions.map((line) =>
      el("p", { class: "small" }, el("strong", {}, "Cannot be: "), line),
    ),
    compared.note ? el("p", { class: "small" }, compared.note) : null,
  );
}
