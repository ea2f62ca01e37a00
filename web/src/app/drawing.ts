/** Chart.js and how this app draws with it; loaded by `components/chart.tsx` alone. */

import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartConfiguration,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from 'chart.js';
import { count, short } from './format';

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
);

export interface Series {
  name: string;
  values: readonly number[];
  /** A line over the bars; its own axis at the right where `unit` differs. */
  isLine?: boolean;
}

export interface ChartSpec {
  labels: readonly string[];
  series: readonly Series[];
  /** What the figures are, for the tooltips: `credits`. */
  unit: string;
  isStacked?: boolean;
  /** Bars from left to right, for long names. */
  isLying?: boolean;
}

const PALETTE = 6;

/** Draw in the colours of the moment; returns what takes it away again. */
export function draw(canvas: HTMLCanvasElement, spec: ChartSpec): () => void {
  const chart = new Chart(canvas, configuration(spec, coloursOf(canvas)));
  return () => chart.destroy();
}

interface Colours {
  ink: string;
  line: string;
  font: string;
  series: string[];
}

/** The tokens as colours: a probe resolves what the theme makes of them. */
function coloursOf(canvas: HTMLCanvasElement): Colours {
  const probe = document.createElement('span');
  canvas.parentElement?.append(probe);
  const colour = (token: string) => {
    probe.style.color = `var(--${token})`;
    return getComputedStyle(probe).color;
  };
  const series = Array.from({ length: PALETTE }, (_, index) => colour(`series-${index + 1}`));
  const colours = { ink: colour('soft'), line: colour('line'), series };
  const font = getComputedStyle(probe).fontFamily;
  probe.remove();
  return { ...colours, font };
}

function configuration(spec: ChartSpec, colours: Colours): ChartConfiguration {
  const text = { color: colours.ink, font: { family: colours.font, size: 12 } };
  const isStacked = Boolean(spec.isStacked);
  const isWhole = spec.series.every(({ values }) => values.every(Number.isInteger));
  const figures = {
    stacked: isStacked,
    beginAtZero: true,
    border: { display: false },
    grid: { color: colours.line },
    ticks: {
      ...text,
      maxTicksLimit: 5,
      ...(isWhole && { precision: 0 }),
      callback: (value: number | string) => short(Number(value)),
    },
  };
  const names = {
    stacked: isStacked,
    border: { color: colours.line },
    grid: { display: false },
    ticks: {
      ...text,
      maxRotation: 0,
      // A lying bar without its name says nothing; days are legible with gaps.
      autoSkip: !spec.isLying,
      autoSkipPadding: 16,
      callback: (_: number | string, index: number) => shortened(spec.labels[index] ?? ''),
    },
  };
  return {
    type: 'bar',
    data: { labels: [...spec.labels], datasets: datasets(spec, colours) },
    options: {
      indexAxis: spec.isLying ? 'y' : 'x',
      responsive: true,
      maintainAspectRatio: false,
      animation: false,
      interaction: { mode: 'index', intersect: false, axis: spec.isLying ? 'y' : 'x' },
      scales: spec.isLying ? { x: figures, y: names } : { x: names, y: figures },
      plugins: {
        legend: {
          display: spec.series.length > 1,
          position: 'bottom',
          labels: { ...text, boxWidth: 10, boxHeight: 10, padding: 16 },
        },
        tooltip: {
          filter: (item) => item.raw !== 0,
          callbacks: {
            label: (item) => ` ${item.dataset.label}: ${count(Number(item.raw))} ${spec.unit}`,
          },
        },
      },
    },
  } as ChartConfiguration;
}

function datasets(spec: ChartSpec, colours: Colours) {
  return spec.series.map((series, index) => {
    const colour = colours.series[index % colours.series.length] ?? colours.ink;
    const common = { label: series.name, data: [...series.values], backgroundColor: colour };
    return series.isLine
      ? { ...common, type: 'line' as const, borderColor: colour, pointRadius: 0, tension: 0.2 }
      : { ...common, type: 'bar' as const, borderRadius: 3, maxBarThickness: 28 };
  });
}

const LABEL_MAX = 22;

/** Names of models can be long; the table has them whole. */
const shortened = (name: string): string =>
  name.length > LABEL_MAX ? `${name.slice(0, LABEL_MAX - 1)}…` : name;
