// C7. No fault at all: every check must pass on a proxy that works, and no check may be so weak that it passes one
// which fails, cuts, or gives to two backends, one request in 500. The version that answers is the one that is meant
// to be measured. Real: a load test of the old version, which showed no change.
import http from 'k6/http';
import { incident } from 'k6/x/comeback';

const run = incident({
  id: 'C7',
  target: 'proxy',
  backends: [{ version: '7' }, { version: '7' }],
  load: { rate: 200, duration: '6s' },
  expect: { noFault: true, version: '7' },
  catches: {
    'fail-one-in-500': 'errors',
    'cut-one-in-500': 'answered',
    'post-twice-one-in-500': 'once',
  },
});

export const options = run.options;

export function setup() {
  run.start();
}

const site = run.client(http);

export function load() {
  site.post('/orders', '{"item":7}');
}

export async function story() {
  await run.loadEnd();
}
