// R75. A backlog waits, and then come jobs for which somebody pays to be first: on a queue with priorities
// they overtake the backlog. That takes a queue declared so, and a consumer that has not taken the backlog
// into its memory before.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R75',
  target: 'consumer',
  needs: 'priority',
  load: { rate: 50, duration: '11s' },
  expect: { recovery: '7s', prefetch: 8 },
  catches: { 'R75-plain-queue': 'priority', 'R74-no-prefetch': 'prefetch' },
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
  // Each worker has a job that takes a while: the backlog waits, and the urgent ones find it waiting.
  const slow = await run.inject(faults.worker([{ do: 'slow', delay: '1.5s', times: 4 }]));
  await slow.spent();
  const backlog = await run.inject(faults.messages('plain', { count: 400 }));
  const urgent = await run.inject(faults.messages('plain', { count: 20, priority: 9 }));
  await urgent.inEffect();
  await urgent.heal();
  await backlog.inEffect();
  await backlog.heal();
  await slow.heal();
  await run.recovered();
}
