// No fault at all: every check must pass on a consumer that works, and no check may be so weak that
// it passes a consumer which loses, or reports twice, one job in 500, or acks before the work (A7).
import { incident } from 'k6/x/comeback';

const run = incident({
  id: 'A7',
  target: 'consumer',
  load: { rate: 200, duration: '6s' },
  expect: { noFault: true },
  catches: {
    'lose-one-in-500': 'no-loss',
    'report-twice-one-in-500': 'duplicates',
    'swap-one-in-500': 'whole-results',
    'A7-early-ack': 'ack-after-report',
  },
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
  await run.loadEnd();
}
