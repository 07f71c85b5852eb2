import pytest

from paas.web import ansi

CORPUS = {
    "plain": "plain",
    "a < b & 'c' > \"d\"": "a &lt; b &amp; &#39;c&#39; &gt; &#34;d&#34;",
    "<script>alert(1)</script>": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\x1b[31m<b>red</b>\x1b[0m after": ('<span class="c1">&lt;b&gt;red&lt;/b&gt;</span> after'),
    "\x1b[1;32mbold green\x1b[22m green\x1b[m none": (
        '<span class="b c2">bold green</span><span class="c2"> green</span> none'
    ),
    "\x1b[91mbright\x1b[39m none": '<span class="c1">bright</span> none',
    "\x1b[38;5;196mcube\x1b[0m": '<span class="c1">cube</span>',
    "\x1b[38;5;12mlow\x1b[0m": '<span class="c4">low</span>',
    "\x1b[38;5;250mgrey\x1b[0m": '<span class="c7">grey</span>',
    "\x1b[38;2;10;200;20mtrue\x1b[0m": '<span class="c2">true</span>',
    "\x1b[48;5;196mground": "ground",
    "\x1b[4munder\x1b[24m \x1b[3mlean\x1b[23m": (
        '<span class="u">under</span> <span class="i">lean</span>'
    ),
    "\x1b[2J\x1b[1;1Hhome": "home",
    "\x1b]0;a title\x07text": "text",
    "\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\": "link",
    "\x1bPdevice\x1b\\text": "text",
    "cut off \x1b[3": "cut off ",
    "cut off \x1b]0;title": "cut off ",
    "lone \x1b": "lone ",
    "\x1b[99999999999mstays": "stays",
    "\x1b[31;;mreset": "reset",
    "\x1b[38;5mhalf": "half",
    '\x1b[31"><img src=x>m': "31&#34;&gt;&lt;img src=x&gt;m",
    "bell\x07 back\x08space\x00null\x7f": "bell backspacenull",
    "tab\tstays": "tab\tstays",
    "\u202egnp.exe\u2066": "gnp.exe",
    "line\rover": "lineover",
    "c1 \x9b31mcontrol": "c1 31mcontrol",
    "æøå 漢字 🏠": "æøå 漢字 🏠",
}


@pytest.mark.parametrize(("line", "html"), CORPUS.items(), ids=range(len(CORPUS)))
def test_colours_become_classes_and_everything_else_stays_text(line: str, html: str) -> None:
    assert ansi.to_html(line) == html


@pytest.mark.parametrize("line", CORPUS, ids=range(len(CORPUS)))
def test_plain_text_has_no_control_left(line: str) -> None:
    text = ansi.plain(line)
    assert "\x1b" not in text
    assert all(letter.isprintable() or letter == "\t" for letter in text)
