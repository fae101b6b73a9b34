// R41. The AI process is 5 times slower, as a model that has to be loaded makes it, and then 40 times, as a
// host that swaps does. It is not dead: nobody may restart it or use jobs up. At 5 times the throughput
// holds; at 40 times it cannot, but the work goes on, and what has piled up is done soon afterwards.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R41',
  target: 'consumer',
  load: { rate: 60, duration: '12s' },
  expect: { recovery: '3s', worksOn: true, stall: '1s', serving: { share: 0.95, within: '2s' } },
  catches: { 'R41-warm-timeout': 'hooks', 'R30-prefetch-one': 'serving' },
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
  for (const [factor, times] of [[5, 90], [40, 30]]) { // either is about 1.5 s
    const fault = await run.inject(faults.worker([{ do: 'slow', factor, times }]));
    await fault.spent();
    await fault.heal();
    await run.recovered();
  }
}
