"""Keys on PKCS#11 tokens: SoftHSM as the token, OpenSC's pkcs11-tool to put keys on it."""
import json
import os
import pathlib
import re

import pytest
import suit_oracle
from conftest import run
from signing import DONE, INVALID, KEY, SYSTEM, USAGE, Terminal, create, create_with_key, refused, sign

MODULE = pathlib.Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "4711-correct"


class Token:
    """A token of its own in a folder of its own; the programs find it by the environment."""

    def __init__(self, folder, monkeypatch):
        if not MODULE.exists() or run("which", "pkcs11-tool").returncode != 0:
            pytest.fail("softhsm2 and opensc are not installed; run scripts/setup")
        (folder / "tokens").mkdir()
        (folder / "softhsm.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
        monkeypatch.setenv("SOFTHSM2_CONF", str(folder / "softhsm.conf"))
        monkeypatch.delenv("KEDGE_PKCS11_MODULE", raising=False)
        self.pin_file = folder / "pin"
        self.pin_file.write_text(PIN + "\n")

    def add(self, label, pin=PIN):
        done = run("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "12345678")
        assert done.returncode == 0, done.stderr
        return int(re.search(r"reassigned to slot (\d+)", done.stdout)[1])

    def tool(self, token, *args, pin=PIN):
        where = ["--slot", token] if isinstance(token, int) else ["--token-label", token]
        done = run("pkcs11-tool", "--module", MODULE, *where, "--login", "--pin", pin, *args)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def keygen(self, token, label, key_id=None, kind="EC:prime256v1"):
        self.tool(token, "--keypairgen", "--key-type", kind, "--label", label, *(["--id", key_id] if key_id else []))

    def uri(self, path, query=None):
        return f"pkcs11:{path}?module-path={MODULE}&" + (f"pin-source={self.pin_file}" if query is None else query)


@pytest.fixture
def token(tmp_path, monkeypatch):
    made = Token(tmp_path, monkeypatch)
    made.add("release token")
    made.keygen("release token", "release", "01")
    return made


def public_of(tmp_path, uri, name="token.pub", *extra):
    path = tmp_path / name
    done = sign("pubkey", "--output", path, *extra, uri)
    assert done.returncode == DONE, done.stderr
    return path


def signed(tmp_path, uri, *extra, **keywords):
    return create_with_key(tmp_path, uri, "--ledger", tmp_path / "token.ledger", *extra, **keywords)


def test_a_key_on_a_token_signs_and_the_oracle_agrees(tmp_path, token):
    uri = token.uri("token=release%20token;object=release;type=private")
    public = public_of(tmp_path, uri)
    token.tool("release token", "--read-object", "--type", "pubkey", "--label", "release", "-o", tmp_path / "theirs.der")
    assert suit_oracle.spki(suit_oracle.load_public(public)) == (tmp_path / "theirs.der").read_bytes()

    done = signed(tmp_path, uri)
    assert done.returncode == DONE, done.stderr
    key = suit_oracle.load_public(public)
    package = suit_oracle.check((tmp_path / "out.suit").read_bytes(), [key])
    assert package.signed_by == [key]
    for trusted in (public, uri):
        assert sign("verify", "--trust", trusted, tmp_path / "out.suit").returncode == DONE
    entry, = json.loads(sign("ledger", "show", "--json", tmp_path / "token.ledger").stdout)
    assert entry["key"] == "token" and entry["key_id"] == package.key_ids[0].hex()


def test_token_and_file_sign_one_package(tmp_path, token, keys):
    uri = token.uri("token=release%20token;id=%01")
    public = public_of(tmp_path, uri)
    package = create(tmp_path, b"x" * 40_000, "--compress", "none", key=keys.private)
    done = sign("sign", "--key", uri, "--ledger", tmp_path / "l", "--output", package, package)
    assert done.returncode == DONE, done.stderr
    assert sign("verify", "--require", 2, "--trust", public, "--trust", keys.public, package).returncode == DONE
    both = create(tmp_path, b"x", "--key", uri, "--ledger", tmp_path / "l", key=keys.private, output="both.suit")
    assert sign("verify", "--require", 2, "--trust", public, "--trust", keys.public, both).returncode == DONE


def test_two_keys_of_one_token_and_of_two_tokens_sign_together(tmp_path, token):
    token.keygen("release token", "second", "02")
    token.add("other token", "9999-other")
    token.tool("other token", "--keypairgen", "--key-type", "EC:prime256v1", "--label", "release", "--id", "01", pin="9999-other")
    (tmp_path / "other.pin").write_text("9999-other")
    uris = [token.uri("token=release%20token;object=release"), token.uri("token=release%20token;object=second"),
            token.uri("token=other%20token;object=release", f"pin-source=file:{tmp_path / 'other.pin'}")]
    publics = [public_of(tmp_path, uri, f"{i}.pub") for i, uri in enumerate(uris)]
    assert len({public.read_text() for public in publics}) == 3
    done = signed(tmp_path, uris[0], "--key", uris[1], "--key", uris[2])
    assert done.returncode == DONE, done.stderr
    keys = [suit_oracle.load_public(public) for public in publics]
    assert suit_oracle.check((tmp_path / "out.suit").read_bytes(), keys).signed_by == keys
    assert len((tmp_path / "token.ledger").read_text().splitlines()) == 3


def test_the_token_is_chosen_by_its_label_and_never_silently(tmp_path, token):
    slots = [token.add("twin"), token.add("twin")]
    for slot in slots:
        token.keygen(slot, "release", "01")
    assert signed(tmp_path, token.uri("token=release%20token;object=release")).returncode == DONE
    done = signed(tmp_path, token.uri("token=twin;object=release"))
    assert done.returncode == KEY and "2 tokens" in done.stderr and "serial" in done.stderr
    listed = run("softhsm2-util", "--show-slots").stdout
    serials = re.findall(r"Serial number:\s+(\S+)\s+Initialized:\s+yes\s+User PIN init.:\s+yes\s+Label:\s+twin", listed)
    assert len(serials) == 2
    publics = [public_of(tmp_path, token.uri(f"token=twin;serial={serial};object=release"), serial) for serial in serials]
    assert publics[0].read_text() != publics[1].read_text()
    for path, says in (("token=release;object=release", "no token with the label"), ("token=nobody;object=release", "no token"),
                       ("token=twin;serial=0000000000000000;object=release", "serial number"),
                       ("token=release%20token;manufacturer=nobody;object=release", "no token"),
                       ("token=release%20token;model=nothing;object=release", "no token")):
        done = signed(tmp_path, token.uri(path))
        assert done.returncode == KEY and says in done.stderr, done.stderr


def test_the_key_is_chosen_by_label_and_id_and_never_silently(tmp_path, token):
    token.keygen("release token", "twin", "0a")
    token.keygen("release token", "twin", "0b")
    token.keygen("release token", "p384", "0c", "EC:secp384r1")
    token.keygen("release token", "rsa", "0d", "rsa:2048")
    token.tool("release token", "--delete-object", "--type", "pubkey", "--id", "0b")
    good = public_of(tmp_path, token.uri("token=release%20token;object=twin;id=%0A"))
    assert good.read_text() != public_of(tmp_path, token.uri("token=release%20token;object=release"), "x").read_text()
    for path, says in (("object=twin", "more than one"), ("object=nothing", "no such"), ("object=release;id=%0a", "no such"),
                       ("object=p384", "not one on P-256"), ("object=rsa", "no such elliptic curve key"),
                       ("id=%0b", "without its public key")):
        done = signed(tmp_path, token.uri(f"token=release%20token;{path}"))
        assert done.returncode == KEY and says in done.stderr, (path, done.stderr)
    assert not (tmp_path / "out.suit").exists() and not (tmp_path / "token.ledger").exists()


def test_a_key_that_wants_its_pin_each_time_is_refused_with_the_way_round(tmp_path, token):
    token.tool("release token", "--keypairgen", "--key-type", "EC:prime256v1", "--label", "careful", "--id", "0c", "--always-auth")
    done = signed(tmp_path, token.uri("token=release%20token;object=careful"))
    assert done.returncode == KEY and "kedge-sign prepare" in done.stderr, done.stderr
    assert not (tmp_path / "out.suit").exists()


def test_a_key_without_an_id_is_used_by_its_label(tmp_path, token):
    token.keygen("release token", "no id")
    uri = token.uri("token=release%20token;object=no%20id")
    assert signed(tmp_path, uri).returncode == DONE
    assert sign("verify", "--trust", public_of(tmp_path, uri), tmp_path / "out.suit").returncode == DONE


def test_the_pin_comes_from_a_file_a_variable_or_the_terminal(tmp_path, token):
    path = "token=release%20token;object=release"
    without = f"pkcs11:{path}?module-path={MODULE}"
    environment = {**os.environ, "TOKEN_PIN": PIN, "WRONG_PIN": "0000-wrong"}
    for uri, extra in ((without, ["--pin-source", f"file:{token.pin_file}"]), (without, ["--pin-source", "env:TOKEN_PIN"]),
                       (without, ["--password-file", token.pin_file]), (f"{without}&pin-source=env:TOKEN_PIN", []),
                       (f"{without}&pin-source=file:{token.pin_file}", []), (f"{without}&pin-source=file://{token.pin_file}", []),
                       (f"{without}&pin-source=env:WRONG_PIN", ["--pin-source", "env:TOKEN_PIN"])):
        done = signed(tmp_path, uri, *extra, env=environment)
        assert done.returncode == DONE, (uri, extra, done.stderr)
    done = signed(tmp_path, without, start_new_session=True)
    assert done.returncode == KEY and "no terminal" in done.stderr
    done = signed(tmp_path, without, "--pin-source", "env:WRONG_PIN", env=environment)
    assert done.returncode == KEY and "PIN is wrong" in done.stderr
    done = signed(tmp_path, f"{without}&pin-source=/not/there")
    assert done.returncode == SYSTEM and "/not/there" in done.stderr
    terminal = Terminal("pubkey", without)
    terminal.answer(b"token release token: ", PIN.encode())
    assert os.waitstatus_to_exitcode(terminal.status()) == DONE
    assert b"BEGIN PUBLIC KEY" in terminal.shown and PIN.encode() not in terminal.shown


@pytest.fixture
def proxy(tmp_path, token, monkeypatch):
    """A module in front of SoftHSM's; PROXY_LOG says what was signed."""
    module = tmp_path / "proxy.so"
    made = run("cc", "-shared", "-fPIC", "-o", module, pathlib.Path(__file__).with_name("token_proxy.c"), "-ldl")
    assert made.returncode == 0, made.stderr
    monkeypatch.setenv("PROXY_MODULE", str(MODULE))
    monkeypatch.setenv("PROXY_LOG", str(tmp_path / "proxy.log"))
    return f"pkcs11:token=release%20token;object=release?module-path={module}&pin-source={token.pin_file}"


@pytest.mark.parametrize("compress", ["none", "zlib"])
def test_a_token_is_asked_for_one_signature_only(tmp_path, proxy, compress):
    done = signed(tmp_path, proxy, "--compress", compress)
    assert done.returncode == DONE, done.stderr
    assert (tmp_path / "proxy.log").read_text() == "sign 32\n"


def test_what_a_token_signs_is_verified_before_it_is_given_out(tmp_path, proxy, monkeypatch):
    package = create(tmp_path, b"x", "--unsigned")
    before = package.read_bytes()
    monkeypatch.setenv("PROXY_SPOIL", "1")
    done = signed(tmp_path, proxy)
    assert done.returncode == KEY and "signing failed" in done.stderr
    refused(KEY, "sign", "--key", proxy, "--ledger", tmp_path / "token.ledger", "--output", package, package,
            says="signing failed")
    assert len((tmp_path / "proxy.log").read_text().splitlines()) == 2
    assert not (tmp_path / "out.suit").exists() and not (tmp_path / "token.ledger").exists()
    assert package.read_bytes() == before


def test_the_module_comes_from_the_uri_or_the_environment(tmp_path, token):
    uri = f"pkcs11:token=release%20token;object=release?pin-source={token.pin_file}"
    assert signed(tmp_path, uri, env={**os.environ, "KEDGE_PKCS11_MODULE": str(MODULE)}).returncode == DONE
    # Neither: p11-kit's proxy knows the modules that the system's packages registered.
    assert signed(tmp_path, uri).returncode == DONE
    garbage = tmp_path / "garbage.so"
    garbage.write_bytes(b"\x7fELF no library")
    for module in (garbage, tmp_path / "absent.so", "/lib/x86_64-linux-gnu/libc.so.6"):
        done = signed(tmp_path, uri, env={**os.environ, "KEDGE_PKCS11_MODULE": str(module)})
        assert done.returncode == KEY and str(module) in done.stderr, done.stderr


def test_a_pin_in_the_uri_is_refused_and_not_repeated(tmp_path, token):
    for query in (f"module-path={MODULE}&pin-value={PIN}", f"pin-value={PIN}"):
        done = signed(tmp_path, f"pkcs11:token=release%20token;object=release?{query}")
        assert done.returncode == USAGE and "pin-value" in done.stderr and PIN not in done.stderr
    refused(USAGE, "pubkey", f"pkcs11:token=release%20token;object=release?pin-value={PIN}", says="pin-value")


@pytest.mark.parametrize("uri, says", [
    ("pkcs11:", "needs token="), ("pkcs11:token=a", "needs token="), ("pkcs11:object=a", "needs token="),
    ("pkcs11:token=a;token=a;object=b", "token"), ("pkcs11:token=a;object=b;slot-id=1", "slot-id"),
    ("pkcs11:token=a;object=b;type=cert", "type"), ("pkcs11:token=a;object=b?module-name=x", "module-name"),
    ("pkcs11:token=a;object=b?module-path=relative.so", "module-path"), ("pkcs11:token=a;object=b?pin-source=|cat", "pin-source"),
    ("pkcs11:token=%zz;object=b", "token"), ("pkcs11:token=%;object=b", "token"), ("pkcs11:token=a b;object=b", "token"),
    ("pkcs11:token=a%00b;object=b", "token"), ("pkcs11:token=%ff;object=b", "token"), ("pkcs11:token=;object=b", "token"),
    ("pkcs11:token=" + "a" * 100 + ";object=b", "token"), ("pkcs11:token=a;id=", "id"), ("pkcs11:token=a;;object=b", ""),
    ("pkcs11:token=a;object=" + "b" * 3000, ""), ("pkcs11:token", "token")])
def test_a_uri_that_is_none_is_refused_with_what_is_wrong(tmp_path, uri, says):
    refused(USAGE, "pubkey", uri, says=says)


def test_a_key_on_a_token_needs_a_ledger_by_name(tmp_path, token):
    done = create_with_key(tmp_path, token.uri("token=release%20token;object=release"))
    assert done.returncode == USAGE and "--ledger" in done.stderr
    assert not (tmp_path / "out.suit").exists()


def test_without_a_terminal_only_what_the_command_takes_is_named(tmp_path, token):
    uri = f"pkcs11:token=release%20token;object=release?module-path={MODULE}"
    package = create(tmp_path, b"x", "--unsigned")
    for command in (["verify", "--trust", uri, package], ["prepare", "--public", uri, "--output", tmp_path / "job", package]):
        done = refused(KEY, *command, says="pin-source=env:NAME", start_new_session=True)
        assert "--pin-source" not in done.stderr and "--password-file" not in done.stderr
        done = sign(*command[:2], f"{uri}&pin-source=env:TOKEN_PIN", *command[3:], env={**os.environ, "TOKEN_PIN": PIN})
        assert done.returncode != KEY, done.stderr
    refused(KEY, "pubkey", uri, says="--pin-source env:NAME", start_new_session=True)


def test_a_public_key_on_a_token_prepares_and_attaches(tmp_path, token):
    uri = token.uri("token=release%20token;object=release")
    package = create(tmp_path, b"x", "--unsigned")
    assert sign("prepare", "--public", uri, "--output", tmp_path / "job", package).returncode == DONE
    token.tool("release token", "--sign", "--mechanism", "ECDSA", "--id", "01", "--input-file", tmp_path / "job.sha256",
               "--output-file", tmp_path / "job.sig")
    done = sign("attach", "--public", uri, "--signature", tmp_path / "job.sig", "--output", package, package)
    assert done.returncode == DONE, done.stderr
    assert sign("verify", "--trust", public_of(tmp_path, uri), package).returncode == DONE
    refused(INVALID, "verify", "--trust", public_of(tmp_path, uri), create(tmp_path, b"y", "--unsigned"))
