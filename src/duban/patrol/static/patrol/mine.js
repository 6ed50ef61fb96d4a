// The list sorted by nearness: the device says where it is, to some 10 m, and the server sorts.

const button = document.querySelector("[data-nearest]");
const said = document.querySelector("[data-said]");

if (button && "geolocation" in navigator) {
  button.hidden = false;
  button.addEventListener("click", () => {
    button.disabled = true;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const here = new URL(location.href);
        here.searchParams.set("lon", coords.longitude.toFixed(4));
        here.searchParams.set("lat", coords.latitude.toFixed(4));
        location.replace(here);
      },
      () => {
        button.disabled = false;
        said.textContent = button.dataset.failed;
        said.hidden = false;
      },
      { enableHighAccuracy: true, timeout: 10_000, maximumAge: 30_000 },
    );
  });
}
