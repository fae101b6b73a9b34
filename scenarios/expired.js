// R76. Jobs that are of no use after a while say so: the broker gives them up when they have waited too long.
// The AI process hangs, the jobs wait. Those that expire in the queue are dead-lettered, where somebody can
// see them, and none of them is done late. Real: 60 s; here 300 ms.
import { sleep } from 'k6';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R76',
  target: 'consumer',
  needs: 'expiry',
  load: { rate: 50, duration: '9s' },
  expect: { recovery: '3s' },
  catches: { 'R76-expired-vanish': 'dead-letters', 'R74-no-prefetch': 'dead-letters' },
});

export const options = run.options;

export function setup() {
  run.start();
}

export function load() {
  run.submit({ prompt: 'a cat on a bicycle' });
}

export async function story() {
  await run.steady();
  const hang = await run.inject(faults.worker([{ do: 'hang' }]));
  await hang.inEffect();
  const ahead = await run.inject(faults.messages('plain', { count: 50 })); // more than its prefetch
  const late = await run.inject(faults.messages('expiring', { count: 20, expiration: '300ms' }));
  sleep(1); // they expire behind the others: the broker looks at the head of its queue only
  await hang.heal();
  await late.inEffect();
  await late.heal();
  await ahead.heal();
  await run.recovered();
}
