/** The credits that are left, as one bar of two parts. */

import { count, credits } from '../format';

interface Props {
  monthly: number;
  monthlyTotal: number;
  topup: number;
}

/** The month's credits and the bought ones, against all that there was to begin with. */
export function CreditBar({ monthly, monthlyTotal, topup }: Props) {
  const bought = Math.max(0, topup);
  const whole = Math.max(1, monthlyTotal, monthly) + bought;
  const share = (part: number) => `${(100 * Math.max(0, part)) / whole}%`;
  return (
    <div class="credit-bar">
      <div
        class="credit-bar-track"
        role="img"
        aria-label={`${credits(monthly)} of this month’s ${count(monthlyTotal)}, and ${credits(bought)} from top-ups`}
      >
        {monthly > 0 && <span class="credit-bar-monthly" style={{ width: share(monthly) }} />}
        {bought > 0 && <span class="credit-bar-topup" style={{ width: share(bought) }} />}
      </div>
      <ul class="legend">
        <li>
          <span class="dot dot-monthly" /> {count(monthly)} of {count(monthlyTotal)} this month
        </li>
        <li>
          <span class="dot dot-topup" />{' '}
          {topup < 0 ? `${count(-topup)} owed after a refund` : `${count(topup)} from top-ups`}
        </li>
      </ul>
    </div>
  );
}
