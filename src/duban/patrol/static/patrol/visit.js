// A visit on a phone: one question after another or all in a list. Every answer is kept here the moment it is given and
// sent as soon as there is a connection; closing the tab in between loses nothing.
import { forget, keep, order, waiting } from "./queue.js";

const root = document.querySelector("[data-visit]");
const visit = root.dataset.visit;
const words = JSON.parse(document.getElementById("visit-words").textContent);
const keeping = root.querySelector("[data-keeping]");
const far = root.querySelector("[data-far]");
const bar = root.querySelector("progress");
const list = root.querySelector(".questions");
const back = root.querySelector("[data-step='-1']");
const next = root.querySelector("[data-step='1']");
const finish = root.querySelector("[data-finish]");
const view = root.querySelector("[data-view]");
const questions = [...list.children];
const csrf = () => JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"];
const find = (key) => questions.find((question) => question.dataset.key === key);
const shown = () => questions.filter((question) => !question.hidden);

// ---- What is said at a question ----------------------------------------------------------------------------------------

const valuesOf = (question) =>
  [...question.querySelectorAll("[name=value]")]
    .filter((field) => !["radio", "checkbox"].includes(field.type) || field.checked)
    .map((field) => field.value)
    .filter((value) => value.trim());

const noteOf = (question) => question.querySelector("[name=note]")?.value || "";

function fill(question, row) {
  for (const field of question.querySelectorAll("[name=value]")) {
    if (["radio", "checkbox"].includes(field.type)) field.checked = row.value.includes(field.value);
    else field.value = row.value.join(" ");
  }
  const note = question.querySelector("[name=note]");
  if (note) note.value = row.note;
  paint(question);
}

function paint(question) {
  const said = valuesOf(question);
  question.dataset.said = question.dataset.kind === "check" ? said[0] || "" : "";
  const photos = question.querySelectorAll(".pictures > li").length;
  question.toggleAttribute("data-answered", said.length > 0 || (question.dataset.kind === "photo" && photos > 0));
}

function count() {
  const counted = shown().filter((question) => "counted" in question.dataset);
  const done = counted.filter((question) => "answered" in question.dataset).length;
  bar.max = counted.length || 1;
  bar.value = done;
  far.textContent = `${done} / ${counted.length}`;
  counted.forEach((question, index) => {
    question.querySelector(".nr").textContent = index + 1;
  });
}

async function remember(question, { soon = false } = {}) {
  const row = {
    id: `${visit} ${question.dataset.key}`,
    visit,
    key: question.dataset.key,
    type: question.dataset.kind,
    value: valuesOf(question),
    note: noteOf(question),
    at: new Date().toISOString(),
    order: order(),
  };
  paint(question);
  count();
  say("here");
  await keep("answers", row);
  clearTimeout(writing);
  if (soon) writing = setTimeout(push, 800);
  else push();
}

const say = (word) => {
  keeping.textContent = words[word] || "";
  keeping.dataset.state = word;
};

// ---- Sending -----------------------------------------------------------------------------------------------------------

let writing = 0;
let sending = null;
let again = false;
let timer = 0;
let pause = 2000;

/** Send all that waits; resolves to whether everything has gone. */
function push() {
  if (sending) {
    again = true;
    return sending;
  }
  clearTimeout(timer);
  sending = sendAll()
    .catch(() => "waiting")
    .then(async (word) => {
      sending = null;
      if (again) {
        again = false;
        if (word === "sent") return push();
      }
      if (word) say(word);
      if (word === "waiting") {
        timer = setTimeout(push, pause);
        pause = Math.min(pause * 2, 60000);
      } else {
        pause = 2000;
      }
      return word === "sent";
    });
  return sending;
}

async function sendAll() {
  for (let rows = await waiting("answers", visit); rows.length; rows = await waiting("answers", visit)) {
    say("sending");
    const said = rows.map(({ key, type, value, note, at }) => ({ key, type, value, note, at }));
    const answer = await post(root.dataset.answers, JSON.stringify({ said }), { "Content-Type": "application/json" });
    if (!answer.ok) {
      if (answer.refusal) keeping.textContent = answer.refusal.message;
      return answer.word;
    }
    await Promise.all(rows.map((row) => forget("answers", row)));
    take(answer.state);
  }
  for (const row of await waiting("photos", visit)) {
    say("sending");
    const body = new FormData();
    body.append("key", row.key);
    body.append("photo", row.blob, row.name || "photo.jpg");
    const answer = await post(root.dataset.photos, body);
    if (!answer.ok && answer.word) return answer.word;
    await forget("photos", row);
    find(row.key)?.querySelector(`[data-waiting="${row.id}"]`)?.remove();
    if (answer.ok) take(answer.state);
    else wrong(find(row.key), answer.refusal);
  }
  return "sent";
}

/** {ok, state}, or what to say instead; a refusal of what was sent has no word, since it would be refused again. */
async function post(address, body, headers = {}) {
  const answer = await fetch(address, {
    method: "POST",
    body,
    credentials: "same-origin",
    headers: { "X-CSRFToken": csrf(), Accept: "application/json", ...headers },
  });
  const isJson = (answer.headers.get("Content-Type") || "").includes("json");
  if (answer.redirected || (answer.ok && !isJson) || answer.status === 403) return { ok: false, word: "again" };
  if (answer.ok) return { ok: true, state: await answer.json() };
  if (answer.status === 409) return { ok: false, word: "over" };
  if (answer.status >= 500) return { ok: false, word: "waiting" };
  return { ok: false, refusal: isJson ? await answer.json() : { message: `${answer.status}` } };
}

function wrong(question, refusal) {
  const place = question?.querySelector("[data-wrong]");
  if (place) place.textContent = refusal ? `${refusal.message} ${refusal.code || ""}`.trim() : "";
}

/** The server's word on what is asked and offered now. */
function take(state) {
  for (const question of questions) {
    const { key } = question.dataset;
    question.hidden = !state.asked.includes(key);
    if (question.dataset.kind !== "note") wrong(question, state.refused[key]);
    const offered = state.offered[key];
    for (const choice of offered ? question.querySelectorAll("[data-choice]") : []) {
      choice.hidden = !offered.includes(choice.dataset.choice);
      if (choice.hidden) choice.querySelector("input").checked = false;
    }
    if (state.photos[key]) hang(question, state.photos[key]);
    paint(question);
  }
  if (root.classList.contains("single") && (!current || current.hidden)) go(shown()[0]);
  count();
  mark();
}

// ---- Photos ------------------------------------------------------------------------------------------------------------

function hang(question, shas) {
  const pictures = question.querySelector(".pictures");
  const there = new Map([...pictures.querySelectorAll("[data-sha]")].map((item) => [item.dataset.sha, item]));
  for (const [sha, item] of there) if (!shas.includes(sha)) item.remove();
  for (const sha of shas) {
    if (there.has(sha)) continue;
    const item = document.createElement("li");
    item.dataset.sha = sha;
    const link = document.createElement("a");
    link.href = root.dataset.full.replace("SHA", sha);
    link.append(picture(root.dataset.picture.replace("SHA", sha)));
    const drop = document.createElement("button");
    Object.assign(drop, { type: "submit", name: "drop", value: sha, className: "drop", title: words.drop, textContent: "×" });
    drop.setAttribute("aria-label", words.drop);
    item.append(link, drop);
    pictures.insertBefore(item, pictures.querySelector("[data-waiting]"));
  }
}

function picture(address) {
  const image = new Image(96, 72);
  image.src = address;
  image.alt = words.photo;
  return image;
}

function showWaiting(row) {
  const question = find(row.key);
  if (!question || question.querySelector(`[data-waiting="${row.id}"]`)) return;
  const item = document.createElement("li");
  item.dataset.waiting = row.id;
  item.append(picture(URL.createObjectURL(row.blob)));
  question.querySelector(".pictures")?.append(item);
  paint(question);
}

async function addPhotos(question, files) {
  for (const file of files) {
    const turn = order();
    const row = { id: `${visit} ${turn}`, visit, key: question.dataset.key, blob: file, name: file.name, order: turn };
    await keep("photos", row);
    showWaiting(row);
  }
  say("here");
  count();
  push();
}

list.addEventListener("change", (event) => {
  const question = event.target.closest(".question");
  if (event.target.type === "file") {
    addPhotos(question, [...event.target.files]).then(() => (event.target.value = ""));
  } else remember(question);
});

// A note that is being written is kept with every letter, and sent when the hand rests.
list.addEventListener("input", (event) => {
  if (!event.target.matches("textarea, input:not([type=radio], [type=checkbox], [type=file])")) return;
  remember(event.target.closest(".question"), { soon: true });
});

list.addEventListener("submit", async (event) => {
  event.preventDefault();
  event.stopPropagation();
  const button = event.submitter;
  if (button) delete button.dataset.sent;
  if (button?.name !== "drop") return;
  const body = new FormData();
  body.append("key", button.closest(".question").dataset.key);
  body.append("drop", button.value);
  try {
    const answer = await post(root.dataset.photos, body);
    answer.ok ? take(answer.state) : say(answer.word || "waiting");
  } catch {
    say("waiting");
  }
});

// ---- Where one stands: asked of the phone for a question of that kind ----------------------------------------------------

for (const button of navigator.geolocation ? list.querySelectorAll("[data-here]") : []) {
  button.hidden = false;
  button.addEventListener("click", () =>
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const question = button.closest(".question");
        question.querySelector("[name=value]").value = `${coords.longitude} ${coords.latitude} ${coords.accuracy}`;
        remember(question);
      },
      () => {},
      { enableHighAccuracy: true, timeout: 15000 },
    ),
  );
}

// ---- One at a time, or all in a list ---------------------------------------------------------------------------------------

const VIEW = "duban.visit.view";
let current = null;

function remembered() {
  try {
    return localStorage.getItem(VIEW);
  } catch {
    return null;
  }
}

function setView(single) {
  root.classList.toggle("single", single);
  view.textContent = single ? words.all : words.one;
  back.hidden = next.hidden = !single;
  if (single) go(current || find(location.hash.slice(3)) || shown().find((one) => "counted" in one.dataset && !("answered" in one.dataset)) || shown()[0]);
  mark();
}

function go(question, focus = false) {
  if (!question) return;
  current?.classList.remove("now");
  current = question;
  question.classList.add("now");
  if (focus) {
    question.focus({ preventScroll: true });
    window.scrollTo({ top: 0 });
  }
  mark();
}

/** Which of the three buttons is the one to press. */
function mark() {
  const all = shown();
  const last = current && all.indexOf(current) === all.length - 1;
  back.disabled = !current || all.indexOf(current) <= 0;
  if (root.classList.contains("single")) next.hidden = Boolean(last);
  const whole = bar.value >= bar.max;
  finish.classList.toggle("btn-primary", !root.classList.contains("single") || last || whole);
}

function step(by) {
  const all = shown();
  go(all[all.indexOf(current) + by], true);
}

back.addEventListener("click", () => step(-1));
next.addEventListener("click", () => step(1));
view.hidden = false;
view.addEventListener("click", () => {
  const single = !root.classList.contains("single");
  try {
    localStorage.setItem(VIEW, single ? "single" : "list");
  } catch {
    // It is chosen anew next time.
  }
  setView(single);
});

// A thumb that has said "pass" wants the next question; a fail still wants its photo and note. Arrow keys choose too, and
// whoever uses them goes on by themselves: their clicks have no detail.
list.addEventListener("click", (event) => {
  const said = event.target.matches(".result input") && event.detail > 0 ? event.target : null;
  if (!said || said.value === "fail" || !root.classList.contains("single")) return;
  const here = current;
  setTimeout(() => {
    if (current === here && !noteOf(here)) step(1);
  }, 220);
});

finish.addEventListener("click", async (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  clearTimeout(writing);
  if (await push()) location.assign(finish.href);
});

// ---- Begin: what was kept and not sent is put back, and sent ---------------------------------------------------------------

addEventListener("online", push);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && push());
for (const question of questions) paint(question);
const [answers, photos] = await Promise.all([waiting("answers", visit), waiting("photos", visit)]);
for (const row of answers) if (find(row.key)) fill(find(row.key), row);
for (const row of photos) showWaiting(row);
setView((remembered() || (matchMedia("(max-width: 767.98px)").matches ? "single" : "list")) === "single");
count();
if (location.hash) go(find(location.hash.slice(3)));
if (answers.length || photos.length) push();
else say("sent");
root.dataset.ready = "";
