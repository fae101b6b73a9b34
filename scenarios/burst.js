// R74. Somebody submits a month's jobs at once. The consumer takes no more of them than its prefetch allows:
// the rest waits in the queue, where other consumers can have it, and where it is no load on its memory.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R74',
  target: 'consumer',
  needs: 'wide',
  ai: { warm: '1ms', concurrency: 16 },
  load: { rate: 50, duration: '64s' }, // 8 s are enough on two idle fast cores, and 35 s on slow ones beside three other runs
  expect: { recovery: '60s', prefetch: 16 },
  catches: { 'R74-no-prefetch': 'prefetch' },
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
  const burst = await run.inject(faults.messages('plain', { count: 20000 }));
  await burst.inEffect();
  await burst.heal();
  await run.recovered();
}
