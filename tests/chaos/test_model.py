"""What a user's rows may be, after changes that were answered and changes that broke off."""

from tests.chaos.model import GONE, Pair, Watched, WatchList, keys_of

BTC, ETH = Pair("BTC/USDT", "1h"), Pair("ETH/USDT", "1h")


def test_an_answered_change_leaves_one_state() -> None:
    watch_list = WatchList()

    watch_list.watched(BTC, 1, certain=True)
    assert watch_list.states(BTC) == {Watched(True, 1)}
    watch_list.unwatched(BTC, certain=True)
    assert watch_list.states(BTC) == {Watched(False, 1)}
    watch_list.deleted(BTC, certain=True)
    assert watch_list.states(BTC) == {GONE}


def test_a_change_that_broke_off_leaves_both() -> None:
    watch_list = WatchList()

    watch_list.watched(BTC, 1, certain=False)
    assert watch_list.states(BTC) == {GONE, Watched(True, 1)}
    watch_list.unwatched(BTC, certain=False)
    assert watch_list.states(BTC) == {GONE, Watched(True, 1), Watched(False, 1)}


def test_a_later_answer_says_what_had_happened() -> None:
    watch_list = WatchList()
    watch_list.watched(BTC, 1, certain=False)

    watch_list.was_not_active(BTC)

    assert watch_list.states(BTC) == {GONE}


def test_an_answer_that_nothing_explains_leaves_nothing() -> None:
    watch_list = WatchList()
    watch_list.watched(BTC, 1, certain=True)

    watch_list.was_missing(BTC)

    assert watch_list.states(BTC) == set()


def test_a_changed_key_takes_its_row_along() -> None:
    watch_list = WatchList()
    watch_list.watched(BTC, 7, certain=True)

    watch_list.moved(BTC, ETH, certain=True)

    assert watch_list.states(BTC) == {GONE}
    assert watch_list.states(ETH) == {Watched(True, 7)}


def test_an_update_names_both_keys() -> None:
    before, after = ({"symbol": pair.symbol, "timeframe": pair.timeframe} for pair in (ETH, BTC))

    assert keys_of({"old_record": before, "record": after}) == [BTC, ETH]
    assert keys_of({"old_record": after, "record": after}) == [BTC]
    assert keys_of({"old_record": None, "record": after}) == [BTC]
