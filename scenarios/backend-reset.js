// N2. Every connection to one of two backends is reset when its answer is on the way: the work is done, and nobody
// hears of it. What is safe to ask for twice is asked of the other one, and no client notices; an order fails once, as
// nobody knows what became of it. Real: a firewall or a NAT gateway that was restarted, and sends resets for flows that it
// does not know any more. Here: for 3 s.
import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'N2',
  target: 'proxy',
  backends: 2,
  links: 'backend',
  load: { rate: 100, duration: '11s' },
  expect: { recovery: '2s', version: '1', backIn: '3s', errors: 12, askedAgain: true },
  catches: { 'C9-retries-post': 'once', 'C9-never-retries': 'asked-again', 'C3-never-back': 'back-in' },
});

export const options = run.options;

export function setup() {
  run.start();
}

const site = run.client(http);

export function load() {
  if (exec.scenario.iterationInTest % 4 < 2) { // in pairs, since two backends are given theirs by turns
    site.get('/items/7');
  } else {
    site.post('/orders', '{"item":7}');
  }
}

export async function story() {
  await run.steady();
  const cut = await run.inject(faults.link('backend', 'reset', { backend: 1 }));
  await cut.inEffect();
  sleep(3);
  await cut.heal();
  await cut.gone();
  await run.recovered();
}
