// What became of one key, as a sequence diagram: a column for each service, time runs down.

const CHOICES = {
  evidence: "named by a broken check's evidence",
  slowest: "among the slowest",
  ordinary: "an ordinary one",
};
const COLUMN = 118;
const ROW = 26;

function chainChart(run, chain) {
  const begin = chain.steps[0]?.at_us ?? 0;
  const after = (step) => `+${((step.at_us - begin) / 1000).toFixed(1)} ms`;
  const services = [
    ...new Set(chain.steps.flatMap((step) => (step.kind === "fault" ? [] : [step.from, step.to]))),
  ];
  const steps = chain.steps.map((step, index) => ({ ...step, index }));
  const arrows = steps.filter((step) => step.kind !== "fault" && step.from !== step.to);
  const own = steps.filter((step) => step.kind !== "fault" && step.from === step.to);
  const faults = steps.filter((step) => step.kind === "fault");
  const back = (step) => step.kind === "answer" || step.kind === "return";
  const points = steps.map((step) => ({
    x: step.kind === "fault" ? services[0] : step.to,
    y: step.index,
    text: `${after(step)}, at ${seconds(step.at_us, 6)}\n${step.kind === "fault" ? "" : `${step.from} → ${step.to}\n`}${step.label}${step.host ? `\n${step.host}` : ""}`,
  }));
  const colour = (step) => (step.good ? "var(--ok)" : "var(--fail)");
  const place = (step) => services.indexOf(step.from) + services.indexOf(step.to);
  const short = (text) => (text.length > 34 ? `${text.slice(0, 33)}…` : text);
  const title = `Key ${chain.key}, ${CHOICES[chain.choice]}: ${plural(chain.steps.length, "step")} in ${ms(chain.took_us / 1000)}`;
  const label = (step) => `${step.good ? "" : "✗ "}${short(step.label)}`;
  return chart({
    title,
    points,
    least: 90 + COLUMN * services.length,
    note: `It began at ${seconds(begin, 6)}. Solid: calls and events; dashed: answers; ✗ went wrong.`,
    draw: () => ({
      height: ROW * steps.length + 60,
      marginLeft: 84,
      marginRight: 150,
      marginTop: 34,
      x: { type: "point", domain: services, axis: "top", label: null, tickSize: 0, padding: 0.4 },
      y: {
        type: "point",
        domain: steps.map((step) => step.index),
        label: null,
        tickSize: 0,
        tickFormat: (index) => after(steps[index]),
        padding: 0.8,
      },
      marks: [
        Plot.ruleX(services, { stroke: "var(--line)", strokeWidth: 1.2 }),
        Plot.ruleY(faults, { y: "index", stroke: "var(--fault)", strokeDasharray: "4 3" }),
        Plot.text(faults, {
          y: "index",
          text: "label",
          frameAnchor: "left",
          textAnchor: "start",
          dy: -7,
          fontSize: 10.5,
          fontWeight: 600,
        }),
        ...[true, false].map((returning) =>
          Plot.arrow(
            arrows.filter((step) => back(step) === returning),
            {
              x1: "from",
              x2: "to",
              y: "index",
              stroke: colour,
              strokeWidth: 1.6,
              strokeDasharray: returning ? "5 3" : null,
              headLength: 7,
              inset: 2,
            },
          ),
        ),
        Plot.dot(own, { x: "from", y: "index", fill: colour, r: 4, symbol: "square" }),
        Plot.text(own, {
          x: "from",
          y: "index",
          text: label,
          dx: 9,
          textAnchor: "start",
          fontSize: 10.5,
          fill: "currentColor",
          stroke: "var(--ground)",
          strokeWidth: 3,
        }),
        // Above the arrow's middle, which lies on a service or between two.
        Plot.text(
          arrows.filter((step) => place(step) % 2 === 0),
          {
            x: (step) => services[place(step) / 2],
            y: "index",
            text: label,
            dy: -7,
            fontSize: 10.5,
            fill: "currentColor",
            stroke: "var(--ground)",
            strokeWidth: 3,
          },
        ),
        Plot.text(
          arrows.filter((step) => place(step) % 2 === 1),
          {
            x: (step) => services[(place(step) - 1) / 2],
            dx: COLUMN / 2,
            y: "index",
            text: label,
            dy: -7,
            fontSize: 10.5,
            fill: "currentColor",
            stroke: "var(--ground)",
            strokeWidth: 3,
          },
        ),
        ...pointer(points, { twoWays: true }),
      ],
    }),
    table: () =>
      table({
        caption: title,
        rows: steps,
        columns: [
          { title: "after", header: true, number: true, cell: after },
          { title: "from", cell: (step) => step.from },
          { title: "to", cell: (step) => step.to },
          { title: "what", wide: true, cell: label },
          { title: "on", cell: (step) => step.host },
        ],
      }),
  });
}
