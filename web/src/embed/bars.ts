/** Bars of a chart, in the colours of the element they stand in. Loaded when one is shown. */

import { BarController, BarElement, CategoryScale, Chart, LinearScale, Tooltip } from 'chart.js';

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);

/** Draw a bar for each label; return how to take them away. */
export function drawBars(
  canvas: HTMLCanvasElement,
  labels: string[],
  credits: number[],
): () => void {
  const chart = new Chart(canvas, {
    type: 'bar',
    data: {
      labels,
      datasets: [{ label: 'Credits', data: credits, borderRadius: 3 }],
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      scales: {
        x: {
          grid: { display: false },
          ticks: { maxRotation: 0, autoSkipPadding: 16 },
        },
        y: {
          beginAtZero: true,
          ticks: { precision: 0 },
        },
      },
    },
  });
  const paint = (): void => {
    colour(chart, canvas);
    chart.update();
  };
  paint();
  const forget = onOtherLooks(canvas, paint);
  return () => {
    forget();
    chart.destroy();
  };
}

/** Give a chart the colours that its place has now. */
function colour(chart: Chart, canvas: HTMLCanvasElement): void {
  const looks = getComputedStyle(canvas);
  const of = (name: string): string => resolved(canvas, looks.getPropertyValue(name));
  const { x, y } = chart.options.scales ?? {};
  for (const bars of chart.data.datasets) bars.backgroundColor = of('--_accent');
  for (const axis of [x, y]) if (axis?.ticks) axis.ticks.color = of('--_soft');
  if (y?.grid) y.grid.color = of('--_line');
}

/** Call back when the looks change: the system's theme, or a choice marked on what is around. */
function onOtherLooks(canvas: HTMLElement, call: () => void): () => void {
  const system = window.matchMedia('(prefers-color-scheme: dark)');
  const around = new MutationObserver(call);
  system.addEventListener('change', call);
  const place = canvas.getRootNode();
  let each: Element | null = place instanceof ShadowRoot ? place.host : canvas;
  for (; each; each = each.parentElement) {
    around.observe(each, { attributeFilter: ['class', 'style', 'data-theme'] });
  }
  return () => {
    system.removeEventListener('change', call);
    around.disconnect();
  };
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
