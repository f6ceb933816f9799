// @ts-check
// Keeps the page `/status` up to date. What it writes is what templates/status.html and status.py write.

const EVERY_MS = 2000;
const PATIENCE_MS = 5000;
const UNKNOWN = "–";
const STATE_WORDS = { this: "this node", alive: "alive", suspect: "suspect", away: "away" };
const WORST_FIRST = ["away", "suspect", "this", "alive"];

/** @param {string} selector @param {ParentNode} [within] @returns {any} */
const one = (selector, within = document) => within.querySelector(selector);

/** @param {Element} element @param {string | number} value */
function say(element, value) {
  const text = String(value);
  // Who has marked some text must not lose it every two seconds.
  if (element.textContent !== text) element.textContent = text;
}

/** A time in one unit, as exact as is of use. @param {number | null} seconds */
function duration(seconds) {
  if (seconds === null) return UNKNOWN;
  if (seconds < 10) return `${Math.max(seconds, 0).toFixed(1)} s`;
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** @param {any} node */
function texts(node) {
  return {
    ...node,
    state: STATE_WORDS[/** @type {keyof typeof STATE_WORDS} */ (node.state)],
    gossip_age: node.gossip_age === null ? UNKNOWN : `${duration(node.gossip_age)} ago`,
    round_seconds: node.round_seconds === null ? UNKNOWN : `${Math.round(node.round_seconds * 1000)} ms`,
    uptime: duration(node.uptime),
    version: node.version || UNKNOWN,
  };
}

/** @param {any[]} nodes */
function showTable(nodes) {
  const body = one("#nodes");
  while (body.rows.length > nodes.length) body.deleteRow(-1);
  while (body.rows.length < nodes.length) body.append(one("#row").content.cloneNode(true));
  nodes.forEach((node, place) => {
    const row = body.rows[place];
    row.dataset.state = node.state;
    const text = texts(node);
    for (const field of row.querySelectorAll("[data-field]")) say(field, text[field.dataset.field]);
  });
}

/** @param {any[]} nodes */
function showMap(nodes) {
  for (const mark of document.querySelectorAll("[data-mark]")) {
    const code = /** @type {SVGElement} */ (mark).dataset.mark;
    const here = nodes.filter((node) => node.region === code);
    const state = WORST_FIRST.find((word) => here.some((node) => node.state === word)) ?? "";
    const arc = one(`[data-arc="${code}"]`);
    /** @type {SVGElement} */ (mark).dataset.state = state;
    if (arc) arc.dataset.state = state;
    say(one(".count", mark), here.length ? here.reduce((sum, node) => sum + node.wings, 0) : "");
  }
}

/** @param {any} fleet */
function show(fleet) {
  say(one("#when"), `${new Date(fleet.now * 1000).toISOString().slice(11, 19)} UTC`);
  for (const total of document.querySelectorAll("[data-total]")) {
    say(total, fleet.totals[/** @type {HTMLElement} */ (total).dataset.total ?? ""]);
  }
  say(one("#whole"), fleet.directory.whole ? "whole" : "partial");
  showTable(fleet.nodes);
  showMap(fleet.nodes);
}

/** What is wrong, in a sentence; empty when nothing is. */
async function refresh() {
  try {
    const answer = await fetch("/status.json", { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.status === 401) return "You are not logged in any more: reload this page.";
    if (!answer.ok) return `Login cannot say how things are (${answer.status}). What you see is old.`;
    show(await answer.json());
    return "";
  } catch {
    return "There is no answer. What you see is old.";
  }
}

async function keepUpToDate() {
  if (!document.hidden) say(one("#trouble"), await refresh());
  setTimeout(keepUpToDate, EVERY_MS);
}

setTimeout(keepUpToDate, EVERY_MS);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh().then((trouble) => say(one("#trouble"), trouble));
});
