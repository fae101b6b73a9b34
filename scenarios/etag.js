// D7. 13,000 requests for twenty pages that change every two seconds and may be kept for one (max-age, must-revalidate,
// ETag). Backends make each edition of a page once or twice; everything else is answered by what is stored, or by their
// word that it still holds (304). Half of the clients say which edition they have. Nobody is shown one
// that is out of date. Real: with ETag at the backend alone 5,000 of 13,000 requests cost it no page.
import exec from 'k6/execution';
import http from 'k6/http';
import { incident } from 'k6/x/comeback';

const run = incident({
  id: 'D7',
  target: 'proxy',
  needs: ['cache', 'wide'], // a busy machine's pauses are no matter of the shedder's here
  backends: [1, 2].map(() => ({ pages: [{ etag: true, every: '2s', cacheControl: 'max-age=1, must-revalidate', size: 4000 }] })),
  load: { rate: 650, duration: '20s' },
  expect: { noFault: true, cached: 0.975, fresh: 0.9 },
  catches: { 'D7-always-whole': 'errors', 'D7-stores-nothing': 'cached', 'D7-never-revalidates': 'errors', 'D7-always-revalidates': 'cached' },
});

export const options = run.options;

export function setup() {
  run.start();
}

const have = new Map(); // path → the edition that this client has, and its tag
let known = { edition: 0, tag: '' }; // of the page that is asked for
let oldest = 0; // edition of it that may be shown
const site = run.client(http, (page) => {
  if (page.status === 304) {
    return known.edition >= oldest;
  }
  const edition = page.status === 200 ? Number(page.json('edition')) : 0;
  return edition >= oldest && edition !== known.edition; // which the client said that it has
});

export function load() {
  const n = exec.scenario.iterationInTest;
  const path = `/news/${n % 20}`;
  oldest = Math.floor((Date.now() - 2000) / 2000); // a second to keep it, and one for clocks that count seconds
  known = (n % 40 < 20 && have.get(path)) || { edition: 0, tag: '' };
  const page = site.get(path, known.tag ? { headers: { 'If-None-Match': known.tag } } : {});
  if (page.status === 200) {
    have.set(path, { edition: page.json('edition'), tag: page.headers['Etag'] });
  }
}

export async function story() {
  await run.loadEnd();
}
