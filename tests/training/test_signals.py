"""The first signal asks, the second stops; what was there before comes back."""

import signal
import threading

import pytest

from ganzoo.training.signals import StopRequest


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_is_a_request_and_the_second_stops_at_once(number, code):
    before = signal.getsignal(number)
    with StopRequest() as stop:
        assert stop.exit_code == 0
        signal.raise_signal(number)
        assert stop.signal == number
        assert stop.exit_code == code
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_a_thread_hears_nothing_and_does_no_harm():
    heard = []

    def listen():
        with StopRequest() as stop:
            heard.append(stop.signal)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert heard == [None]
