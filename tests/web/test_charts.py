from paas.web.charts import HEIGHT, LEAST, WIDTH, bars


def test_bars_fill_the_picture_and_nothing_is_too_small_to_be_seen() -> None:
    chart = bars("Cost", ["a", "b", "c"], [4.0, 0.0, 0.0001], "{:.1f}")
    assert [bar.height for bar in chart.bars] == [HEIGHT, 0.0, LEAST]
    assert [bar.x for bar in chart.bars] == [0.0, 200.0, 400.0]
    assert chart.bars[2].x + chart.bars[2].width <= WIDTH
    assert chart.bars[0].says == "a: 4.0"
    assert (chart.top, chart.first, chart.last) == ("4.0", "a", "c")


def test_nothing_at_all_is_an_empty_picture() -> None:
    assert bars("Cost", [], [], "{}").bars == ()
    assert [bar.height for bar in bars("Cost", ["a"], [0.0], "{}").bars] == [0.0]
