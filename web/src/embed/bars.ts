/** Bars of a chart, in the colours of the element they stand in. Loaded when one is shown. */

import { BarController, BarElement, CategoryScale, Chart, LinearScale, Tooltip } from 'chart.js';

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);

/** Draw a bar for each label; return how to take them away. */
export function drawBars(
  canvas: HTMLCanvasElement,
  labels: string[],
  credits: number[],
): () => void {
  const looks = getComputedStyle(canvas);
  const colour = (name: string): string => resolved(canvas, looks.getPropertyValue(name));
  const chart = new Chart(canvas, {
    type: 'bar',
    data: {
      labels,
      datasets: [
        { label: 'Credits', data: credits, backgroundColor: colour('--_accent'), borderRadius: 3 },
      ],
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      scales: {
        x: {
          grid: { display: false },
          ticks: { color: colour('--_soft'), maxRotation: 0, autoSkipPadding: 16 },
        },
        y: {
          beginAtZero: true,
          grid: { color: colour('--_line') },
          ticks: { color: colour('--_soft'), precision: 0 },
        },
      },
    },
  });
  return () => chart.destroy();
}

/** Let the browser work a colour out: `light-dark()` is none that a canvas knows. */
function resolved(near: HTMLElement, colour: string): string {
  const probe = document.createElement('i');
  probe.style.color = colour;
  near.after(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
