/** The start of the app: styles, session, page. */

import '@fontsource-variable/inter/wght.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/components.css';
import './styles/shell.css';

import { render } from 'preact';
import { App } from './app';
import { startSession } from './session';

const RELOADED = 'reloaded-for';

// After a deployment the files of the old one are gone: the page is loaded anew, once.
window.addEventListener('vite:preloadError', (event) => {
  if (sessionStorage.getItem(RELOADED) === location.href) return;
  event.preventDefault();
  sessionStorage.setItem(RELOADED, location.href);
  location.reload();
});

const root = document.getElementById('app');
if (root) render(<App />, root);
void startSession();
