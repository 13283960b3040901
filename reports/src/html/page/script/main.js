// Which view is shown, the theme, and what printing needs.

const MAIN = document.getElementById("main");
const PRINT_WIDTH = 700;

function show({ focus }) {
  const chosen = /^#\/run\/(\d+)$/.exec(location.hash);
  const run = chosen && RUNS[Number(chosen[1])];
  WIDTHS.disconnect();
  if (run) showRun(MAIN, run);
  else showOverview(MAIN);
  document.title = run
    ? `${run.result.scenario}, seed ${run.seed}: ${VERDICTS[run.result.verdict].word}`
    : EXTRA.title;
  if (focus) {
    scrollTo(0, 0);
    MAIN.querySelector("h1").focus({ preventScroll: true });
  }
}

// === theme ===

const THEMES = { system: "as the system", light: "light", dark: "dark" };
const themeButton = document.getElementById("theme");

function setTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  themeButton.textContent = `Theme: ${THEMES[theme]}`;
  // From disk, some browsers have no storage: then the choice lasts as long as the page.
  try {
    localStorage.setItem("squall-theme", theme);
  } catch {
    /* as said */
  }
}

function storedTheme() {
  try {
    return localStorage.getItem("squall-theme");
  } catch {
    return null;
  }
}

themeButton.addEventListener("click", () => {
  const names = Object.keys(THEMES);
  const now = document.documentElement.dataset.theme ?? "system";
  setTheme(names[(names.indexOf(now) + 1) % names.length]);
});

// === printing ===

// Opens what belongs on paper and draws plots as wide as paper; afterwards all is as before.
addEventListener("beforeprint", () => {
  redrawOverview(ROWS_ON_PAPER);
  for (const details of document.querySelectorAll("details[data-print]:not([open])")) {
    details.open = true;
    details.dataset.closeAgain = "";
    details.makeOnce();
  }
  for (const plot of document.querySelectorAll(".plot")) plot.render(PRINT_WIDTH);
});
addEventListener("afterprint", () => {
  redrawOverview(ROWS_ON_SCREEN);
  for (const details of document.querySelectorAll("details[data-close-again]")) {
    details.open = false;
    delete details.dataset.closeAgain;
  }
  for (const plot of document.querySelectorAll(".plot")) if (plot.drawn) plot.render(plot.drawn);
});

addEventListener("hashchange", () => show({ focus: true }));
addEventListener("keydown", (event) => {
  if (
    event.key === "Escape" &&
    location.hash.startsWith("#/run/") &&
    event.target.tagName !== "INPUT"
  )
    location.hash = "#/";
});
const known = storedTheme();
setTheme(known in THEMES ? known : "system");
show({ focus: false });
