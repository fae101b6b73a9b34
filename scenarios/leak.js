// D8. Two hundred users ask at once for the same two pages, half of them with Authorization, half with a cookie. One page is
// each user's own, though its backend says max-age and forgets to say private; the other one is for everybody. A little
// later clients whom nobody knows ask as well (were one of them the first, a store that all share would hold nobody's page).
// Nobody is given what was made for another, not from the store and not by waiting for another's answer; and the
// page for everybody is kept all the same. Real: the warning that comes with every shared cache.
import exec from 'k6/execution';
import http from 'k6/http';
import { incident } from 'k6/x/comeback';

const pages = [
  { path: '/me', etag: true, cacheControl: 'max-age=60' },
  { path: '/offers', etag: true, cacheControl: 'public, max-age=60', alike: true },
];
const run = incident({
  id: 'D8',
  target: 'proxy',
  needs: ['cache', 'wide', 'patient'],
  backends: [1, 2].map(() => ({ threads: 500, latency: { median: '800ms' }, pages })), // slow: all of them are there at once
  load: { rate: 250, duration: '8s' },
  expect: { noFault: true, users: 200, cached: 0.15 },
  catches: { 'D8-cache-without-user': 'leaks' },
});

export const options = run.options;

export function setup() {
  run.start();
}

/** @type {string | undefined} */
let user; // who asks just now; undefined: nobody in particular
const site = run.client(http,
  (page) => page.status === 200 && (page.json('path') !== '/me' || page.json('user') === user), // nor nobody's page instead
  (page) => page.json('user'));

export function load() {
  const n = exec.scenario.iterationInTest;
  user = n % 11 || n < 400 ? `user-${n % 200}` : undefined;
  const [name, value] = n % 400 < 200 ? ['Cookie', `user=${user}`] : ['Authorization', `Bearer ${user}`];
  site.get(n % 7 ? '/me' : '/offers', { headers: user ? { [name]: value } : {} });
}

export async function story() {
  await run.loadEnd();
}
