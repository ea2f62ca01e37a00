/** The elements of Creditbase, for any page: `<credit-balance>`, `<usage-chart>`, `<pricing-table>`. */

import { CreditBalance } from './credit-balance';
import { PricingTable } from './pricing-table';
import { UsageChart } from './usage-chart';

for (const [name, element] of [
  ['credit-balance', CreditBalance],
  ['usage-chart', UsageChart],
  ['pricing-table', PricingTable],
] as const) {
  if (!customElements.get(name)) customElements.define(name, element);
}

export type { FirebaseOptions, HostApp } from './connection';
export { CreditBalance, PricingTable, UsageChart };
