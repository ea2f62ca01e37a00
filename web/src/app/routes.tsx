/** Every page: its address, its file, who may open it, and where the menu shows it. */

import type { LucideIcon } from 'lucide-preact';
import {
  Banknote,
  ChartColumn,
  CreditCard,
  Gauge,
  HeartPulse,
  KeyRound,
  Scale,
  ScrollText,
  SquareTerminal,
  Ticket,
  Users,
  Webhook,
} from 'lucide-preact';
import type { ComponentType } from 'preact';

export interface PageRoute {
  /** Under `/app`, so that no page hides a path of the API; `:name` is a parameter. */
  path: string;
  title: string;
  /** The file, loaded when the page is opened; its default export is the page. */
  page: () => Promise<{ default: ComponentType }>;
  /** `anyone`: also signed out, and then without the account's frame of mind. */
  access: 'anyone' | 'customer' | 'admin';
  /** Its place in the menu, in the order of this table; absent: reached by links. */
  icon?: LucideIcon;
}

export const ROUTES: readonly PageRoute[] = [
  {
    path: '/app',
    title: 'Overview',
    page: () => import('../customer/overview'),
    access: 'customer',
    icon: Gauge,
  },
  {
    path: '/app/plans',
    title: 'Plans and top-ups',
    page: () => import('../customer/plans'),
    access: 'customer',
    icon: CreditCard,
  },
  {
    path: '/app/playground',
    title: 'Playground',
    page: () => import('../customer/playground'),
    access: 'customer',
    icon: SquareTerminal,
  },
  {
    path: '/app/ledger',
    title: 'Ledger',
    page: () => import('../customer/ledger'),
    access: 'customer',
    icon: ScrollText,
  },
  {
    path: '/app/ledger/:id',
    title: 'Receipt',
    page: () => import('../customer/receipt'),
    access: 'customer',
  },
  {
    path: '/app/keys',
    title: 'API keys',
    page: () => import('../customer/keys'),
    access: 'customer',
    icon: KeyRound,
  },
  {
    path: '/app/vouchers',
    title: 'Vouchers',
    page: () => import('../customer/vouchers'),
    access: 'customer',
    icon: Ticket,
  },
  {
    path: '/app/embed',
    title: 'Elements for your pages',
    page: () => import('../embed/example'),
    access: 'customer',
  },
  {
    path: '/app/billing',
    title: 'Payment',
    page: () => import('../customer/billing'),
    access: 'customer',
  },
  {
    path: '/app/admin',
    title: 'Platform usage',
    page: () => import('../admin/usage'),
    access: 'admin',
    icon: ChartColumn,
  },
  {
    path: '/app/admin/models',
    title: 'Models and margins',
    page: () => import('../admin/models'),
    access: 'admin',
    icon: Scale,
  },
  {
    path: '/app/admin/customers',
    title: 'Customers',
    page: () => import('../admin/customers'),
    access: 'admin',
    icon: Users,
  },
  {
    path: '/app/admin/customers/:id',
    title: 'Customer',
    page: () => import('../admin/customer'),
    access: 'admin',
  },
  {
    path: '/app/admin/payments',
    title: 'Payment problems',
    page: () => import('../admin/payments'),
    access: 'admin',
    icon: Banknote,
  },
  {
    path: '/app/admin/webhooks',
    title: 'Webhooks',
    page: () => import('../admin/webhooks'),
    access: 'admin',
    icon: Webhook,
  },
  {
    path: '/app/admin/health',
    title: 'Invariants and jobs',
    page: () => import('../admin/health'),
    access: 'admin',
    icon: HeartPulse,
  },
  {
    path: '/app/admin/audit',
    title: 'Audit',
    page: () => import('../admin/audit'),
    access: 'admin',
    icon: ScrollText,
  },
];
