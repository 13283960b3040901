// One run: what it claims, what broke, its figures, and what happened over time.

const SIEGE_LINES = [
  ["transactions", "Transactions", 0, "hits"],
  ["availability_percent", "Availability", 2, "%"],
  ["elapsed_s", "Elapsed time", 2, "secs"],
  ["data_mb", "Data transferred", 2, "MB"],
  ["response_s", "Response time", 2, "secs"],
  ["rate_per_s", "Transaction rate", 2, "trans/sec"],
  ["throughput_mb_s", "Throughput", 2, "MB/sec"],
  ["concurrency", "Concurrency", 2, ""],
  ["successful", "Successful transactions", 0, ""],
  ["failed", "Failed transactions", 0, ""],
  ["longest_s", "Longest transaction", 2, ""],
  ["shortest_s", "Shortest transaction", 2, ""],
];

function showRun(main, run) {
  const { result } = run;
  const heading = el(
    "h1",
    { tabindex: "-1" },
    `${result.scenario}, seed ${run.seed} `,
    verdict(result.verdict),
  );
  const around = [RUNS[run.index - 1], RUNS[run.index + 1]];
  fill(
    main,
    el(
      "nav",
      { class: "runs", "aria-label": "Runs" },
      el("a", { href: "#/" }, "‹ all runs"),
      around.map(
        (other, after) =>
          other &&
          el(
            "a",
            { href: address(other) },
            `${after ? "next" : "before"}: ${other.result.scenario}, seed ${other.seed}`,
          ),
      ),
    ),
    heading,
    el("p", {}, run.claim),
    whatBroke(run),
    facts(run),
    el("div", { class: "columns" }, siegeTable(result), figuresTable(result)),
    faultsTable(run),
    documentedOf(run),
    timelineSections(run),
    checksTable(run),
    leftOut(run),
  );
  heading.after(contents(main));
}

function whatBroke(run) {
  if (run.result.verdict === "pass") return null;
  const { tone } = VERDICTS[run.result.verdict];
  const [first, ...others] = run.broken;
  const lines = (items) =>
    items.length > 0 &&
    el(
      "ul",
      {},
      items.map((line) => el("li", { class: "mono" }, line)),
    );
  return el(
    "section",
    { class: `broken ${tone}`, "aria-label": "What broke" },
    el("h2", {}, "What broke"),
    run.panics.length > 0 && [el("p", {}, el("strong", {}, "Panics")), lines(run.panics)],
    first
      ? [
          el("p", {}, el("strong", {}, first.name), " ", verdict(first.verdict)),
          el(
            "dl",
            { class: "facts" },
            el("dt", {}, "observed"),
            el("dd", {}, first.observed),
            el("dt", {}, "promised"),
            el("dd", {}, first.bound),
          ),
          first.evidence.length > 0 && [el("p", {}, "Evidence:"), lines(first.evidence)],
        ]
      : run.panics.length === 0 && el("p", {}, "Nothing was judged."),
    run.result.faults.length > 0 &&
      el(
        "p",
        {},
        "Faults: ",
        run.result.faults.map((fault, index) => `F${index} ${fault.fault}`).join(", "),
      ),
    others.length > 0 &&
      folded(
        `${plural(others.length, "more check")} did not pass`,
        () =>
          el(
            "div",
            {},
            others.map((check) => [
              el(
                "p",
                {},
                el("strong", {}, check.name),
                " ",
                verdict(check.verdict),
                `: ${check.observed}, promised ${check.bound}`,
              ),
              lines(check.evidence),
            ]),
          ),
        { print: true },
      ),
    folded("Last events", () => el("pre", { tabindex: "0" }, run.last_events.join("\n")), {
      print: true,
    }),
  );
}

function facts(run) {
  const command = el("code", {}, run.command);
  const said = el("span", { role: "status", class: "small quiet" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(run.command);
      said.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(command);
      said.textContent = "selected: copy it with the keyboard";
    }
  };
  return el(
    "dl",
    { class: "facts" },
    el("dt", {}, "repeat"),
    el(
      "dd",
      { class: "copy" },
      command,
      el("button", { type: "button", on: { click: copy } }, "Copy"),
      said,
    ),
    el("dt", {}, "simulated"),
    el("dd", {}, figure(run.result.simulated_s, 3, "simulated_s"), " s"),
    el("dt", {}, "fingerprint"),
    el("dd", {}, el("code", {}, run.result.fingerprint)),
  );
}

function siegeTable(result) {
  return el(
    "section",
    { id: "siege", "aria-label": "As siege counts" },
    el("h2", {}, "As siege counts"),
    table({
      caption: "The lines of siege 4.0.5, by its own rules",
      rows: SIEGE_LINES,
      columns: [
        { title: "line", header: true, cell: ([, title]) => title },
        {
          title: "value",
          number: true,
          cell: ([name, , decimals]) => figure(result.siege[name], decimals, `siege.${name}`),
        },
        { title: "unit", cell: ([, , , unit]) => unit },
      ],
    }),
  );
}

function figuresTable(result) {
  const rows = [
    ...["issued", "ok", "failed", "unknown"].map((name) => [
      `requests ${name}`,
      result.requests[name],
      0,
      `requests.${name}`,
    ]),
    ...["p50", "p90", "p99", "p999", "max"].map((name) => [
      `latency ${name === "p999" ? "p99.9" : name}, ms`,
      result.latency_ms[name],
      3,
      `latency_ms.${name}`,
    ]),
  ];
  return el(
    "section",
    { id: "figures", "aria-label": "Requests and latency" },
    el("h2", {}, "Requests and latency"),
    table({
      caption: "All requests; latency since the intended sending",
      rows,
      columns: [
        { title: "figure", header: true, cell: ([title]) => title },
        {
          title: "value",
          number: true,
          cell: ([, value, decimals, field]) => figure(value, decimals, field),
        },
      ],
    }),
  );
}

function faultsTable(run) {
  const faults = run.result.faults;
  if (faults.length === 0)
    return el("section", {}, el("h2", {}, "Faults"), el("p", {}, "None was planned: calm."));
  const effect = (fault) =>
    Object.entries(fault.effect)
      .map(([name, count]) => `${name.replaceAll("_", " ")}: ${count}`)
      .join(", ") || "none counted";
  const make = () =>
    table({
      caption: "What struck, in the order of the plan; shaded in the plots below",
      rows: faults,
      columns: [
        { title: "no.", header: true, cell: (fault) => `F${faults.indexOf(fault)}` },
        { title: "fault", wide: true, cell: (fault) => fault.fault },
        { title: "from s", number: true, cell: (fault) => figure(fault.from_s, 3) },
        {
          title: "to s",
          number: true,
          cell: (fault) => (fault.to_s === null ? "never healed" : figure(fault.to_s, 3)),
        },
        { title: "effect", wide: true, cell: effect },
      ],
    });
  return el(
    "section",
    { id: "faults", "aria-label": "Faults" },
    el("h2", {}, "Faults"),
    faults.length <= 30 ? make() : folded(plural(faults.length, "fault"), make, { print: true }),
  );
}

function checksTable(run) {
  const checks = [...run.result.checks].sort(
    (a, b) => VERDICTS[a.verdict].rank - VERDICTS[b.verdict].rank,
  );
  const kept = checks.filter((check) => check.verdict === "pass").length;
  return el(
    "section",
    { id: "checks", "aria-label": "Checks" },
    el("h2", {}, "Checks"),
    table({
      caption: `${kept} of ${plural(checks.length, "check")} passed`,
      rows: checks,
      columns: [
        { title: "verdict", cell: (check) => verdict(check.verdict) },
        { title: "check", header: true, wide: true, cell: (check) => check.name },
        { title: "observed", wide: true, cell: (check) => check.observed },
        { title: "promised", wide: true, cell: (check) => check.bound },
        { title: "error budget", cell: budget },
      ],
    }),
  );
}

function documentedOf(run) {
  const { documented } = run.result;
  if (!documented) return null;
  return el(
    "section",
    { "aria-label": "As documented" },
    el("h2", {}, "As documented"),
    table({
      caption: documented.source,
      rows: documented.figures,
      columns: [
        { title: "figure", header: true, cell: (row) => row.figure.replaceAll("_", " ") },
        { title: "documented", number: true, cell: (row) => figure(row.documented, 2) },
        { title: "reproduced", number: true, cell: (row) => figure(row.reproduced, 2) },
      ],
    }),
    documented.contradictions.map((line) =>
      el("p", { class: "small" }, el("strong", {}, "Cannot be: "), line),
    ),
    documented.note ? el("p", { class: "small" }, documented.note) : null,
  );
}

function timelineSections(run) {
  const { timeline } = run;
  if (!timeline) return [el("h2", {}, "Over time"), el("p", {}, run.without_timeline)];
  const section = (title, ...charts) => {
    const shown = charts.flat().filter(Boolean);
    return shown.length > 0
      ? el("section", { "aria-label": title }, el("h2", {}, title), shown)
      : null;
  };
  const requests = run.result.requests.issued > 0;
  const answered = timeline.percentiles.length > 0;
  return [
    section(
      "Requests over time",
      answered && latencyChart(run),
      answered && heatChart(run),
      requests && outcomeChart(run),
      answered && percentileChart(run),
    ),
    section(
      "The cluster over time",
      timeline.pods.length > 0 && podChart(run),
      timeline.breakers.length > 0 && breakerChart(run),
      replicaChart(run),
      cpuChart(run),
    ),
    section("Events over time", timeline.backlogs.length > 0 && backlogCharts(run)),
    section(
      "Event chains",
      timeline.chains.map((chain, index) =>
        folded(
          `Key ${chain.key}: ${CHOICES[chain.choice]}, ${ms(chain.took_us / 1000)}`,
          () => chainChart(run, chain),
          { open: index === 0, print: true },
        ),
      ),
    ),
  ].filter(Boolean);
}

function leftOut({ timeline }) {
  if (!timeline || timeline.left_out.length === 0) return null;
  const words = `To keep this page small it has only ${timeline.left_out.join("; ")}.`;
  return el("p", { class: "quiet small" }, words);
}

// Links to the parts of a long page. The address stays the run's.
function contents(main) {
  const go = (section) => (event) => {
    event.preventDefault();
    section.scrollIntoView();
    section.querySelector("h2").setAttribute("tabindex", "-1");
    section.querySelector("h2").focus({ preventScroll: true });
  };
  const sections = [...main.querySelectorAll("section[aria-label]")];
  return el(
    "nav",
    { class: "runs screen", "aria-label": "On this page" },
    sections.map((section) =>
      el(
        "a",
        { href: location.hash, on: { click: go(section) } },
        section.getAttribute("aria-label"),
      ),
    ),
  );
}
