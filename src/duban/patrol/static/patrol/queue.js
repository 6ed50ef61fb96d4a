// What was answered and not yet sent, kept in the browser's own database, so that a closed tab or a dead network loses
// nothing. Where the browser has none (some private windows), it is kept as long as the page is open.

const NAME = "duban-patrol";
let opening = null;
const memory = { answers: new Map(), photos: new Map() };
let counter = Date.now();

function open() {
  opening ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("answers", { keyPath: "id" }).createIndex("visit", "visit");
        request.result.createObjectStore("photos", { keyPath: "id" }).createIndex("visit", "visit");
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
  return opening;
}

async function run(store, mode, work) {
  const database = await open();
  if (!database) return null;
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(store, mode);
    const request = work(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

/** Kept once this resolves. */
export async function keep(store, row) {
  memory[store].set(row.id, row);
  try {
    await run(store, "readwrite", (rows) => rows.put(row));
  } catch {
    // No room left on the phone: it stays in memory and is sent from there.
  }
}

/** Of this visit, in the order in which they were kept. */
export async function waiting(store, visit) {
  let stored = null;
  try {
    stored = await run(store, "readonly", (rows) => rows.index("visit").getAll(visit));
  } catch {
    stored = null;
  }
  const rows = new Map((stored || []).map((row) => [row.id, row]));
  for (const row of memory[store].values()) if (row.visit === visit) rows.set(row.id, row);
  return [...rows.values()].sort((one, other) => one.order - other.order);
}

/** Forget a row, unless it has been kept anew since. */
export async function forget(store, row) {
  const now = memory[store].get(row.id);
  if (now && now.order !== row.order) return;
  memory[store].delete(row.id);
  try {
    const stored = await run(store, "readonly", (rows) => rows.get(row.id));
    if (stored && stored.order === row.order) await run(store, "readwrite", (rows) => rows.delete(row.id));
  } catch {
    // It is sent once more, which changes nothing.
  }
}

export const order = () => (counter += 1);
