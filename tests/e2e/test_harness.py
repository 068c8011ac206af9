"""What the tests themselves lean on."""
from conftest import free_port


def test_no_port_is_given_twice():
    ports = [free_port() for _ in range(400)]
    assert len(set(ports)) == len(ports)
