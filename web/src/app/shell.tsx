/** The frame of every page: menu, account, theme, and what is said aloud. */

import { CircleUser, LogOut, Menu, Moon, Sun, X } from 'lucide-preact';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { waitingS } from './api';
import { isAdmin } from './balance';
import { Brand } from './components/brand';
import { Toasts } from './components/toast';
import { type PageRoute, ROUTES } from './routes';
import { isExpected, session, signOut } from './session';
import { theme, toggleTheme } from './theme';

/** Frame the page. */
export function Shell({ children }: { children: ComponentChildren }) {
  const { state } = session.value;
  const isIn = state === 'in' || (state === 'starting' && isExpected);
  const main = useRef<HTMLElement>(null);
  const { path } = useLocation();
  const isFirst = useRef(true);

  // biome-ignore lint/correctness/useExhaustiveDependencies: after each change of page
  useEffect(() => {
    // A new page begins at its top, and there the keyboard goes on.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
    window.scrollTo(0, 0);
  }, [path]);

  return (
    <div class={isIn ? 'shell' : 'shell shell-out'}>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="topbar">
        {isIn && <MobileMenu path={path} />}
        <a class="topbar-brand" href="/app">
          <Brand />
        </a>
        <div class="topbar-end">
          <ThemeButton />
          <AccountMenu />
        </div>
      </header>
      {isIn && (
        <div class="side">
          <Navigation path={path} label="Pages" />
        </div>
      )}
      <main id="main" ref={main} tabIndex={-1}>
        <Waiting />
        {children}
      </main>
      <Toasts />
    </div>
  );
}

function Waiting() {
  const seconds = waitingS.value;
  return (
    <div role="status">
      {seconds > 0 && (
        <p class="notice notice-wait">
          Many requests at once. This goes on by itself in about {seconds} seconds.
        </p>
      )}
    </div>
  );
}

function ThemeButton() {
  const isDark = theme.value === 'dark';
  const label = isDark ? 'Use the light theme' : 'Use the dark theme';
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={label}
      title={label}
      onClick={toggleTheme}
    >
      {isDark ? <Sun size={20} aria-hidden="true" /> : <Moon size={20} aria-hidden="true" />}
    </button>
  );
}

function AccountMenu() {
  const { value } = session;
  if (value.state !== 'in') return null;
  return (
    <>
      <button
        type="button"
        class="icon-button account-button"
        aria-label="Account"
        title={value.email}
        popovertarget="account-menu"
      >
        <CircleUser size={20} aria-hidden="true" />
      </button>
      <div id="account-menu" class="menu" popover="auto">
        <p class="menu-who">{value.email || 'Signed in'}</p>
        <button type="button" class="menu-row" onClick={() => void signOut()}>
          <LogOut size={18} aria-hidden="true" /> Sign out
        </button>
      </div>
    </>
  );
}

function MobileMenu({ path }: { path: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: closed by each change of page
  useEffect(() => dialog.current?.close(), [path]);
  return (
    <>
      <button
        type="button"
        class="icon-button menu-button"
        aria-label="Menu"
        aria-haspopup="dialog"
        onClick={() => dialog.current?.showModal()}
      >
        <Menu size={22} aria-hidden="true" />
      </button>
      <dialog ref={dialog} class="drawer" aria-label="Menu">
        <button
          type="button"
          class="icon-button drawer-close"
          aria-label="Close the menu"
          onClick={() => dialog.current?.close()}
        >
          <X size={22} aria-hidden="true" />
        </button>
        <Navigation path={path} label="Menu" />
      </dialog>
    </>
  );
}

function Navigation({ path, label }: { path: string; label: string }) {
  const listed = ROUTES.filter((route) => route.icon);
  const groups = [
    { title: '', routes: listed.filter((route) => route.access !== 'admin') },
    {
      title: 'Administration',
      routes: isAdmin.value ? listed.filter((route) => route.access === 'admin') : [],
    },
  ];
  return (
    <nav class="nav" aria-label={label}>
      {groups.map(
        ({ title, routes }) =>
          routes.length > 0 && (
            <div key={title}>
              {title && <p class="nav-title">{title}</p>}
              <ul>
                {routes.map((route) => (
                  <li key={route.path}>
                    <NavigationLink route={route} path={path} />
                  </li>
                ))}
              </ul>
            </div>
          ),
      )}
    </nav>
  );
}

function NavigationLink({ route, path }: { route: PageRoute; path: string }) {
  const Icon = route.icon;
  const isRoot = route.path === '/app' || route.path === '/app/admin';
  const isHere = path === route.path || (!isRoot && path.startsWith(`${route.path}/`));
  return (
    <a href={route.path} aria-current={isHere ? 'page' : undefined}>
      {Icon && <Icon size={18} aria-hidden="true" />}
      {route.title}
    </a>
  );
}
