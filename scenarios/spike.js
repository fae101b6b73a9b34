// D6. For two seconds five times as many requests come as can be done. What is too much is turned away at once, with the time
// after which to come again (429, Retry-After); what is accepted takes no longer than ever; and nobody is turned
// away any more as soon as it is over. Real: scaling up, queues and circuit breakers all came too late for a spike.
// Two backends with 10 requests of 100 ms at a time each can do 200 a second, of which the target may use 85 %: of
// 2,000 requests 1,660 are turned away, and no more.
import http from 'k6/http';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'D6',
  target: 'proxy',
  needs: ['shedding', 'retry-after', 'narrow'],
  backends: [{ threads: 12, latency: { median: '100ms' } }, { threads: 12, latency: { median: '100ms' } }],
  load: { rate: 50, duration: '9s' },
  expect: { recovery: '1s', latency: { p99: '400ms' }, turnedAway: { min: 1550, max: 1760, within: '250ms', status: 429 } },
  catches: { 'D6-429-for-ever': 'turned-away', 'D6-lets-all-wait': 'latency', 'D6-sheds-too-soon': 'turned-away' },
});

export const options = run.options;

export function setup() {
  run.start();
}

const site = run.client(http);

export function load() {
  site.get('/items/7');
}

export async function story() {
  await run.steady();
  const spike = await run.inject(faults.spike(950, { for: '2s', path: '/items/7' }));
  await spike.inEffect();
  await spike.spent();
  await spike.heal();
  await spike.gone();
  await run.recovered();
}
