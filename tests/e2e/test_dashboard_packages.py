"""Packages in the dashboard when there are many: found in their list, and in the form of a new rollout."""
import pytest

from browser_kit import browser, control, fills, person, plans  # noqa: F401 (fixtures)
from conftest import CLASS, VENDOR, make_package, wait_until
from test_dashboard_browser import trusted
from test_dashboard_draft import LOGGED_OUT_ELSEWHERE, logs_in_again
from test_filters import store_devices
from test_package_filters import mixed_packages, package_of, store_packages

LOOKS_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"  # as a page does that is looked at again
FOCUSED = "document.activeElement.name"


def versions(somebody) -> list[str]:
    return somebody.texts(css="tbody td:first-child")


def finds(somebody, words: str):
    somebody.fill(label="Find", value=words)
    somebody.press(key="Enter")


def test_packages_are_found_in_their_list_by_words_and_by_filters(server, person):
    store_packages(server, mixed_packages())
    vera = person("vera")
    vera.logs_in(server.token)
    vera.goes_to("#/packages", "Packages")
    wait_until(lambda: len(versions(vera)) == 100, what="the newest packages")
    finds(vera, "1.19 board-b")
    wait_until(lambda: versions(vera) == ["1.199.0", "1.197.0", "1.195.0", "1.193.0", "1.191.0", "1.19.0"], what="what has both words")
    finds(vera, "1.19 BOARD-A")
    wait_until(lambda: versions(vera) == ["1.198.0", "1.196.0", "1.194.0", "1.192.0", "1.190.0"], what="what has both words in some case")
    finds(vera, 'class == "board-a" and version in (1.8.0, 1.9.0)')
    wait_until(lambda: versions(vera) == ["1.8.0"], what="what a filter means")
    finds(vera, mixed_packages()[3]["id"][:16])
    wait_until(lambda: versions(vera) == ["1.3.0"], what="the one of that id")
    finds(vera, "version < 1.4")
    vera.see(text="line 1, column 11")
    finds(vera, "1.2 nowhere")
    vera.see(text="No package here is so.")
    assert vera.run(script="document.activeElement.id") == "filter"  # whoever types may go on typing
    finds(vera, "board")
    wait_until(lambda: len(versions(vera)) == 100, what="a page of many")
    vera.click(role="link", name="Older")
    wait_until(lambda: versions(vera)[-1:] == ["1.0.0"], what="the last of them")
    vera.click(role="link", name="Newest")
    wait_until(lambda: versions(vera)[:1] == ["1.199.0"], what="the first of them again")
    assert vera.run(script="document.querySelector('#filter').value") == "board"


def test_any_words_can_be_looked_for(server, person):
    classes = ['say"cheese"', "back\\slash", "a'b", "100%", "built in", "ä?", "(", "x" * 40, "like", "i\u0307"]
    store_packages(server, [package_of(number, **{"class": name}) for number, name in enumerate(classes)])
    vera = person("vera")
    vera.logs_in(server.token)
    vera.goes_to("#/packages", "Packages")
    for number, name in enumerate(classes):
        finds(vera, name)
        wait_until(lambda: versions(vera) == [f"1.{number}.0"], what=f"what has {name}")
    finds(vera, "*")
    wait_until(lambda: len(versions(vera)) == len(classes), what="all of them")


# ---- the form of a new rollout ----

@pytest.fixture
def old(server, keys, tmp_path):
    """A package for three devices, and 150 others that came after it."""
    trusted(server, keys)
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    store_devices(server, [{"endpoint": f"edge-{i}", "vendor": VENDOR, "class": CLASS, "version": "1.0.0", "hardware": "A", "last_seen_ms": 1,
                            "tags": {}} for i in range(3)])
    store_packages(server, [package_of(number, version=f"2.{number}.0", sequence=1000 + number,
                                       uploaded_at_ms=package["uploaded_at_ms"] + 1 + number) for number in range(150)])
    return package


def at_the_form(server, person, name="admin", **options):
    somebody = person(name, **options)
    somebody.logs_in(server.token)
    somebody.goes_to("#/create", "New rollout")
    somebody.see(**control("package_id"))
    return somebody


def chosen(somebody, name: str) -> str:
    return somebody.run(script=f"document.querySelector(\"[name='{name}']\").value")


def seeks(somebody, label: str, words: str, *found: str):
    somebody.fill(label=f"Find: {label}", value=words)
    wait_until(lambda: somebody.texts(css=".found li") == list(found), what=f"what is found by {words}")


def test_any_package_can_be_chosen_for_a_rollout_by_keyboard(server, old, person):
    admin = at_the_form(server, person)
    assert len(admin.texts(css="[name=package_id] option")) == 100 and chosen(admin, "package_id") != old["id"]
    fills(admin, name="spring")
    admin.fill(label="Find: Package", value=f"1.1.0 {CLASS}")
    admin.press(key="Enter")
    admin.see(css=".found button")
    admin.press(key="Tab")
    admin.press(key="Enter")
    wait_until(lambda: chosen(admin, "package_id") == old["id"], what="that it is chosen")
    assert admin.run(script=FOCUSED) == "package_id" and admin.texts(css=".found") == []
    assert admin.texts(css=".plan, .refusal") == []  # neither Enter sent the form
    plans(admin, "It would take 3 devices to 1.1.0")
    admin.fill(label="Find: Package", value="2.0.0")
    admin.see(css=".found button")
    assert admin.texts(css=".plan h2") == ["It would take 3 devices to 1.1.0"]  # who only looks changes nothing
    admin.click(role="button", name="Create")
    admin.see(css=".where .ready")
    assert server.json("rollout", "show", "1")["package_id"] == old["id"]


def test_what_was_found_is_for_its_own_field_and_outlives_the_session(server, old, person):
    admin = at_the_form(server, person)
    first = chosen(admin, "package_id")
    seeks(admin, "Package to roll back to", "2.1.0 2.1", f"2.1.0 for {VENDOR} {CLASS} (sequence 1001)")
    admin.click(css=".found button")
    wait_until(lambda: chosen(admin, "revert_package_id") == package_of(1)["id"], what="that it is chosen")
    assert chosen(admin, "package_id") == first
    seeks(admin, "Package", 'id == "0"', "No package is so.")
    seeks(admin, "Package", f'id == "{old["id"]}"', f"1.1.0 for {VENDOR} {CLASS} (sequence 2)")
    admin.click(css=".found button")
    wait_until(lambda: chosen(admin, "package_id") == old["id"], what="that it is chosen")
    admin.run(script=LOGGED_OUT_ELSEWHERE)
    logs_in_again(admin, server.token)
    assert (chosen(admin, "package_id"), chosen(admin, "revert_package_id")) == (old["id"], package_of(1)["id"])


def test_a_search_that_cannot_be_is_told_and_one_of_many_says_so(server, old, person):
    admin = at_the_form(server, person)
    admin.fill(label="Find: Package", value="version < 1.4")
    admin.see(text="line 1, column 11")
    admin.fill(label="Find: Package", value=VENDOR)
    wait_until(lambda: len(admin.texts(css=".found li")) == 21, what="a page of them")
    assert "say more" in admin.texts(css=".found li")[-1]
    admin.fill(label="Find: Package", value="")
    wait_until(lambda: admin.texts(css=".found, .refusal") == [], what="that nothing is looked for")


OPTIONS = "[...document.querySelector('[name=package_id]').options].map((one) => one.value)"


def test_what_was_chosen_stays_when_newer_packages_come(server, old, keys, tmp_path, person):
    """The last of the newest hundred is no longer one of them then."""
    admin = at_the_form(server, person)
    last = admin.run(script=OPTIONS)[-1]
    admin.choose(**control("package_id"), value=last)
    newer = server.json("package", "upload", make_package(tmp_path, keys, "1.2.0", 3))
    admin.run(script=LOOKS_AGAIN)
    wait_until(lambda: newer["id"] in admin.run(script=OPTIONS), what="the newer one")
    assert chosen(admin, "package_id") == last
    store_packages(server, [package_of(500, uploaded_at_ms=newer["uploaded_at_ms"] + 1)])
    admin.run(script=LOOKS_AGAIN)  # the session ended with the server
    logs_in_again(admin, server.token)
    wait_until(lambda: package_of(500)["id"] in admin.run(script=OPTIONS), what="the newest one")
    assert chosen(admin, "package_id") == last


def test_who_has_few_packages_sees_no_search_in_the_form(server, keys, tmp_path, person):
    trusted(server, keys)
    server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    admin = at_the_form(server, person)
    assert admin.run(script="document.querySelectorAll('form.create [type=search]').length") == 0


def test_it_is_used_on_a_phone(server, old, person):
    phone = at_the_form(server, person, "phone", viewport={"width": 360, "height": 740}, hasTouch=True, isMobile=True)
    seeks(phone, "Package", "1.1.0", f"1.1.0 for {VENDOR} {CLASS} (sequence 2)")
    assert phone.run(script="document.documentElement.scrollWidth <= innerWidth")
    phone.click(css=".found button")
    wait_until(lambda: chosen(phone, "package_id") == old["id"], what="that it is chosen")
    phone.goes_to("#/packages", "Packages")
    finds(phone, "1.1.0")
    wait_until(lambda: len(versions(phone)) == 1, what="the one")
    assert phone.run(script="document.documentElement.scrollWidth <= innerWidth")
