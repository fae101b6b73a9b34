// N3. From one of two backends no answer comes whole: after its first 2,000 bytes the connection is reset. Health checks
// are small, and all well. Clients must see that what they have is not all of it, and the backend must go out of rotation for
// what it does to requests. Real: a path whose MTU shrank, which small packets never notice. Here: for 3 s.
import { sleep } from 'k6';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const size = 8000;
const page = { pages: [{ size }] };

const run = incident({
  id: 'N3',
  target: 'proxy',
  backends: [page, page],
  links: 'backend',
  load: { rate: 100, duration: '12s' },
  expect: { recovery: '3s', version: '1', backIn: '4s', unanswered: 30, errors: 30 },
  catches: { 'N3-any-end-is-the-end': 'errors' },
});

export const options = run.options;

export function setup() {
  run.start();
}

const site = run.client(http, (answer) => answer.status === 200 && String(answer.body).length >= size);

export function load() {
  site.get('/items/7');
}

export async function story() {
  await run.steady();
  const cut = await run.inject(faults.link('backend', 'reset', { after: 2000, backend: 1 }));
  await cut.inEffect();
  sleep(3);
  await cut.heal();
  await cut.gone();
  await run.recovered();
}
