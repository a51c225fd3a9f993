// From samples to what charts draw: columns of numbers, gaps where nothing was seen.

import { t } from "./i18n.js";

const HOUR_S = 3600;

/** Put an empty place where samples are missing, so that a chart shows a gap and no bridge. */
export function withGaps(samples) {
  const whole = [];
  for (const sample of samples) {
    const last = whole.at(-1);
    if (last && sample.at - (last.at + last.span) > sample.span * 0.75 + 1) {
      whole.push({ at: last.at + last.span, span: sample.at - last.at - last.span, seen: 0 });
    }
    whole.push(sample);
  }
  return whole;
}

const seen = (value) => (sample) => (sample.seen > 0 ? value(sample) : null);
const there = (sample) => sample.free + sample.busy + sample.starting + sample.other;
const perHour = (value) => (sample) => (value(sample) * HOUR_S) / sample.seen;

/**
 * What each chart shows. `lines`: name, label, value, look; `stacked`: lines lie on each other;
 * `top`: so many lines, the first ones, say how high the chart reaches.
 */
export function plots(samples, priced) {
  const policies = [...new Set(samples.flatMap((sample) => Object.keys(sample.proposals ?? {})))].sort();
  return [
    {
      id: "workers", title: t("chart.workers"), stacked: true, tall: true, marks: true, whole: true,
      lines: [
        { label: t("series.busy"), colour: "busy", value: seen((s) => s.busy), fill: true },
        { label: t("series.free"), colour: "free", value: seen((s) => s.free), fill: true },
        { label: t("series.starting"), colour: "starting", value: seen((s) => s.starting), fill: true },
        { label: t("series.other"), colour: "other", value: seen((s) => s.other), fill: true },
        { label: t("series.max"), colour: "limit", value: seen((s) => s.max), dash: [5, 4], over: true, steps: true },
      ],
    },
    {
      id: "wanted", title: t("chart.wanted"), whole: true, top: 2,
      lines: [
        { label: t("series.desired"), colour: "accent", value: seen((s) => s.desired), width: 2.5, steps: true },
        { label: t("series.there"), colour: "busy", value: seen(there), width: 1.5, steps: true },
        ...policies.map((policy, i) => ({
          label: policy, colour: `policy-${(i % 5) + 1}`, dash: [[6, 3], [2, 3], [8, 3, 2, 3], [4, 4], [1, 4]][i % 5],
          value: seen((s) => s.proposals?.[policy] ?? null), width: 1.25, steps: true,
        })),
      ],
    },
    {
      id: "queue", title: t("chart.queue"),
      lines: [
        { label: t("series.queue"), colour: "queue", value: seen((s) => s.queue), fill: true },
        { label: t("series.queueMax"), colour: "queue", value: seen((s) => s.queueMax), width: 1, dash: [2, 3] },
      ],
    },
    {
      id: "wait", title: t("chart.wait"), unit: "s",
      lines: [{ label: t("series.wait"), colour: "wait", value: seen((s) => s.wait), fill: true, spanGaps: false }],
    },
    {
      id: "traffic", title: t("chart.traffic"),
      lines: [
        { label: t("series.arrivals"), colour: "arrivals", value: seen((s) => (s.arrivals * 60) / s.seen) },
        { label: t("series.served"), colour: "served", value: seen((s) => (s.served * 60) / s.seen), dash: [4, 3] },
      ],
    },
    priced
      ? {
          id: "cost", title: t("chart.cost"),
          lines: [{ label: t("series.cost"), colour: "cost", value: seen(perHour((s) => s.cost)), fill: true, steps: true }],
        }
      : {
          id: "cost", title: t("chart.costWorkers"),
          lines: [{ label: t("series.costWorkers"), colour: "cost", value: seen((s) => s.workerSeconds / s.seen), fill: true, steps: true }],
        },
  ];
}

/** The columns of a plot: times, then one per line; `plain` are values before stacking. */
export function columns(plot, samples, end) {
  const times = samples.map((sample) => sample.at);
  const plain = plot.lines.map((line) => samples.map((sample) => line.value(sample)));
  if (samples.length > 0) {
    // steps hold until the end of the last stretch
    const last = samples.at(-1);
    times.push(Math.min(end, last.at + last.span));
    for (const column of plain) column.push(column.at(-1));
  }
  return { times, plain, drawn: plot.stacked ? stacked(plot, plain) : plain };
}

function stacked(plot, plain) {
  let below = null;
  return plain.map((column, i) => {
    if (plot.lines[i].over) return column;
    const sum = column.map((value, j) => (value === null ? null : value + (below?.[j] ?? 0)));
    below = sum;
    return sum;
  });
}

/** Lowest, highest and last known value; `null` for a column of nothing. */
export function extent(column) {
  const known = column.filter((value) => value !== null && value !== undefined);
  if (known.length === 0) return null;
  return { low: known.reduce((a, b) => Math.min(a, b)), high: known.reduce((a, b) => Math.max(a, b)), last: known.at(-1) };
}
