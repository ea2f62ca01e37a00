// The billing page: sign in, choose a plan, buy credits, and see what came of it. It names what
// is bought and never an amount. What was paid is told by Stripe's signed event alone, so after
// a payment the page waits until the balance shows it.

const el = (id) => document.getElementById(id);
const WAITS_S = [0, 1, 1, 2, 3, 5, 8, 13]; // few enough for the ten requests a minute of a free user
const TRIES_MAX = 3;
const BEFORE = 'billing:before';

let call; // asks the hub as the signed-in user

class Refused extends Error {
  constructor(status, body) {
    super(body.message ?? body.detail ?? `The server answered ${status}`);
    this.status = status;
    this.code = body.code;
    this.retryAfter = body.retry_after;
  }
}

const number = (value) => value.toLocaleString('en-US');
const day = (text) => new Date(text).toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
const price = (cents, currency) =>
  (cents / 100).toLocaleString('en-US', { style: 'currency', currency, minimumFractionDigits: cents % 100 ? 2 : 0 });
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
const title = (code) => code.charAt(0).toUpperCase() + code.slice(1);

function tell(text, kind = 'good') {
  el('notice').hidden = !text;
  el('notice').className = `notice ${kind}`;
  el('notice').textContent = text;
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// ---- signing in --------------------------------------------------------------------------------

async function start() {
  const answer = await fetch('/settings.json');
  if (!answer.ok) {
    el('loading').hidden = true;
    tell('This page is not set up yet: /settings.json is missing.', 'bad');
    return;
  }
  const settings = await answer.json();
  const app = firebase.initializeApp(settings.firebase);
  const appCheck = firebase.appCheck(app);
  if (settings.local) {
    const attest = async () => ({ token: settings.local.appCheckToken, expireTimeMillis: Date.now() + 3_600_000 });
    appCheck.activate(new firebase.appCheck.CustomProvider({ getToken: attest }), false);
    app.auth().useEmulator(settings.local.authEmulator, { disableWarnings: true });
  } else {
    appCheck.activate(new firebase.appCheck.ReCaptchaEnterpriseProvider(settings.appCheckSiteKey), true);
  }
  call = async (method, path, body) => {
    const [idToken, attestation] = await Promise.all([app.auth().currentUser.getIdToken(), appCheck.getToken()]);
    const request = {
      method,
      headers: {
        Authorization: `Bearer ${idToken}`,
        'X-Firebase-AppCheck': attestation.token,
        ...(body && { 'Content-Type': 'application/json' }),
      },
      body: body && JSON.stringify(body),
    };
    // Whatever this page asks for may be asked again: nothing is bought before Stripe's own page.
    let response = await fetch(path, request);
    for (let tries = 1; response.status >= 500 && tries < TRIES_MAX; tries += 1) {
      await pause(tries);
      response = await fetch(path, request);
    }
    const answered = await response.json().catch(() => ({}));
    if (!response.ok) throw new Refused(response.status, answered);
    return answered;
  };
  app.auth().onAuthStateChanged(show);
  el('sign-out').addEventListener('click', () => app.auth().signOut());
  el('sign-in').addEventListener('submit', (event) => {
    event.preventDefault();
    const typed = [el('address').value, el('password').value];
    const isNew = event.submitter?.value !== 'in';
    busy(event.submitter, () => (isNew ? app.auth().createUserWithEmailAndPassword(...typed) : app.auth().signInWithEmailAndPassword(...typed)));
  });
}

async function show(user) {
  el('loading').hidden = Boolean(!user);
  el('sign-in').hidden = Boolean(user);
  el('who').hidden = !user;
  el('account').hidden = true;
  el('email').textContent = user?.email ?? '';
  const hasPaid = /(checkout|topup)=success/.test(location.search);
  tell(!user && hasPaid ? 'Thank you. Your credits arrive by themselves; sign in to see them.' : '');
  if (!user) return;
  try {
    const [usage, offers] = await Promise.all([call('GET', '/usage/me'), call('GET', '/plans')]);
    draw(usage, offers);
    el('account').hidden = false;
    await welcomeBack(usage, offers);
  } catch (problem) {
    tell(`${problem.message}. Please load the page again in a moment.`, 'bad');
  } finally {
    el('loading').hidden = true;
  }
}

// ---- what there is -----------------------------------------------------------------------------

const isSubscribed = (usage) => !['none', 'canceled'].includes(usage.subscription_status);

function planLine(usage) {
  if (!isSubscribed(usage)) return `New credits on ${day(usage.billing_cycle_end)}`;
  if (usage.payment_issue) return 'Your last payment failed. Please check your card.';
  if (usage.scheduled_change) return `Changes to ${title(usage.scheduled_change.plan)} on ${day(usage.scheduled_change.at)}`;
  const isTrial = usage.subscription_status === 'trialing';
  const verb = usage.cancel_at_period_end ? 'Ends on' : isTrial ? 'Free trial until' : 'Renews on';
  return `${verb} ${day(usage.billing_cycle_end)}`;
}

function draw(usage, offers) {
  const mine = offers.plans.find((plan) => plan.code === usage.plan);
  const left = usage.monthly_credits_remaining + usage.topup_balance;
  el('plan-name').textContent = mine?.name ?? title(usage.plan);
  el('plan-line').textContent = planLine(usage);
  el('plan-line').className = usage.payment_issue ? 'bad' : 'soft';
  el('manage').hidden = !isSubscribed(usage) && usage.subscription_status === 'none' && usage.topup_balance === 0;
  el('manage').textContent = isSubscribed(usage) ? 'Manage subscription' : 'Cards and invoices';
  el('credits').textContent = number(left);
  el('meter').max = Math.max(1, usage.monthly_credits_total);
  el('meter').value = usage.monthly_credits_remaining;
  el('credits-line').textContent =
    `${number(usage.monthly_credits_remaining)} of ${number(usage.monthly_credits_total)} this month` +
    (usage.topup_balance ? ` · ${number(usage.topup_balance)} from top-ups` : '');
  el('plans').replaceChildren(...offers.plans.map((plan) => planCard(plan, usage, offers.currency)));
  el('packs').replaceChildren(...offers.packs.map((pack) => packCard(pack, usage, offers.currency)));
}

function card(offer, currency, rhythm, action) {
  return element(
    'article',
    { className: 'card offer' },
    element('h3', { textContent: offer.name }),
    element('p', { className: 'price' }, price(offer.price_cents, currency), element('span', { className: 'soft', textContent: rhythm })),
    element('p', { textContent: `${number(offer.credits)} credits${rhythm ? ' every month' : ''}` }),
    ...(offer.trial_days ? [element('p', { className: 'soft small', textContent: `The first ${offer.trial_days} days are free, once.` })] : []),
    action,
  );
}

function button(label, name, act, className = '') {
  const made = element('button', { type: 'button', textContent: label, className });
  made.setAttribute('aria-label', `${label}: ${name}`);
  made.addEventListener('click', () => busy(made, act));
  return made;
}

// When a plan will be the customer's, if that is settled already: after a cancellation, or as planned.
function beginsAt(plan, usage) {
  if (usage.cancel_at_period_end) return plan.price_cents === 0 ? usage.billing_cycle_end : undefined;
  return usage.scheduled_change?.plan === plan.code ? usage.scheduled_change.at : undefined;
}

function planCard(plan, usage, currency) {
  let action = element('p', { className: 'badge', textContent: 'Your plan' });
  if (plan.code !== usage.plan) {
    if (isSubscribed(usage)) {
      const label = plan.price_cents === 0 ? `Back to ${plan.name}` : 'Change plan';
      const begins = beginsAt(plan, usage);
      action = begins
        ? element('p', { className: 'badge', textContent: `From ${day(begins)}` })
        : button(label, plan.name, () => leaveForPortal(usage), 'second');
    } else if (plan.price_cents > 0) {
      action = button('Subscribe', plan.name, () => leaveFor('/billing/checkout', { plan: plan.code }, usage));
    }
  }
  const made = card(plan, currency, ' a month', action);
  made.classList.toggle('mine', plan.code === usage.plan);
  return made;
}

function packCard(pack, usage, currency) {
  const action = button('Buy', pack.name, () => leaveFor('/billing/topup', { amount: pack.code }, usage), 'second');
  return card(pack, currency, '', action);
}

// ---- going away, and coming back ---------------------------------------------------------------

async function busy(pressed, act) {
  if (pressed) pressed.disabled = true;
  try {
    tell('');
    await act();
  } catch (problem) {
    tell(problem.message.replace(/^Firebase: /, ''), 'bad');
  } finally {
    if (pressed) pressed.disabled = false;
  }
}

function remember(usage) {
  const { plan, topup_balance, cancel_at_period_end, scheduled_change, monthly_credits_total } = usage;
  sessionStorage.setItem(BEFORE, JSON.stringify({ plan, topup_balance, cancel_at_period_end, scheduled_change, monthly_credits_total }));
}

async function leaveFor(path, body, usage) {
  const { checkout_url } = await call('POST', path, body);
  remember(usage);
  location.assign(checkout_url);
}

async function leaveForPortal(usage) {
  const { portal_url } = await call('POST', '/billing/portal');
  remember(usage);
  location.assign(portal_url);
}

async function welcomeBack(usage, offers) {
  el('manage').onclick = () => busy(el('manage'), () => leaveForPortal(usage));
  const came = new URLSearchParams(location.search);
  const before = JSON.parse(sessionStorage.getItem(BEFORE) ?? 'null');
  history.replaceState(null, '', location.pathname);
  sessionStorage.removeItem(BEFORE);
  if (came.get('checkout') === 'success') {
    await waitFor(offers, (now) => isSubscribed(now), (now) => `Welcome to ${title(now.plan)}. ${number(now.monthly_credits_total)} credits arrived.`);
  } else if (came.get('topup') === 'success') {
    const had = before?.topup_balance;
    const arrived = (now) => (had === undefined ? now.topup_balance > 0 : now.topup_balance > had);
    await waitFor(offers, arrived, (now) => (had === undefined ? `Thank you. Your top-ups hold ${number(now.topup_balance)} credits.` : `Thank you. ${number(now.topup_balance - had)} credits arrived.`));
  } else if (came.has('checkout') || came.has('topup')) {
    tell('Nothing was charged. You can start again at any time.', 'plainly');
  } else if (came.has('portal')) {
    await backFromPortal(before, usage, offers);
  }
}

async function look(offers) {
  const now = await call('GET', '/usage/me');
  draw(now, offers);
  el('manage').onclick = () => busy(el('manage'), () => leaveForPortal(now));
  return now;
}

async function waitFor(offers, hasArrived, words) {
  tell('Waiting for the payment to be confirmed…', 'waiting');
  for (const seconds of WAITS_S) {
    await pause(seconds);
    try {
      const now = await look(offers);
      if (hasArrived(now)) {
        tell(words(now));
        return;
      }
    } catch (problem) {
      await pause(problem.retryAfter ?? 1);
    }
  }
  tell('The payment is not confirmed yet. Nothing is lost: your credits come by themselves as soon as it is.', 'waiting');
}

async function backFromPortal(before, usage, offers) {
  const standing = ({ plan, cancel_at_period_end, scheduled_change }) => JSON.stringify([plan, cancel_at_period_end, scheduled_change ?? null]);
  const differs = (now) => !before || standing(before) !== standing(now);
  let now = usage;
  for (const seconds of [1, 2]) {
    if (differs(now)) break;
    await pause(seconds);
    now = await look(offers);
  }
  if (!isSubscribed(now)) tell('You are on the free plan.', 'plainly');
  else if (now.cancel_at_period_end) tell(`${title(now.plan)} ends on ${day(now.billing_cycle_end)}. Until then everything stays as it is.`, 'plainly');
  else if (now.scheduled_change) tell(`${title(now.plan)} changes to ${title(now.scheduled_change.plan)} on ${day(now.scheduled_change.at)}. Until then everything stays as it is.`, 'plainly');
  else if (before && before.plan !== now.plan) tell(`You are on ${title(now.plan)} now.`);
  else if (before?.cancel_at_period_end || before?.scheduled_change) tell(`${title(now.plan)} goes on.`);
  else tell(`You are on ${title(now.plan)}.`, 'plainly');
}

start().catch((problem) => tell(problem.message, 'bad'));
