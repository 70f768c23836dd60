"""Article pages with the markup of ten large publishers; `{0}` to `{2}` stand for the paragraphs."""

_ICONS = "".join(
    f'<svg viewBox="0 0 24 24"><symbol id="icon-{number}"><g><path d="M0 0h24"/><path d="M3 3z"/></g></symbol>'
    f'<use xlink:href="#icon-{number}"/></svg>'
    for number in range(150)
)
_OPEN_PATHS = 60 * '<svg><g><path d="M0 0h24v24"><circle r="2"></g></svg>'

FRENCH_PAGES = {
    "Le Monde": """<body><header class="Header"><nav class="Nav"><a href="/a">Actualités</a></nav></header>
<main><section class="zone zone--article"><section class="article__wrapper">
<header class="article__header"><h1 class="article__title">{title}</h1>
<p class="article__desc">Un premier bilan.</p></header>
<article class="article__content old__article-content-single">
<p class="article__paragraph ">{0}</p>
<section class="catcher catcher--inside"><div class="catcher__content">
<p class="catcher__desc"><span class="catcher__label">Lire aussi |</span>
<a href="/b">FURNITURE un autre récit</a></p></div></section>
<p class="article__paragraph ">{1}</p><h2 class="article__sub-title">Jusqu’en juin</h2>
<p class="article__paragraph ">{2}</p></article>
<section class="article__reactions"><a href="/c">FURNITURE Contribuer</a></section></section>
<aside class="aside"><h4>FURNITURE Les plus lus</h4><a href="/d">Un titre</a></aside></section></main>
<footer class="Footer">FURNITURE Nos services</footer>""",
    "Le Figaro": f"""<body><div class="fig-sprite" hidden>{_ICONS}</div>
<div class="fig-header"><nav><a href="/">FURNITURE Accueil</a></nav></div>
<main class="fig-main"><article class="fig-main-col"><h1 class="fig-headline">{{title}}</h1>
<p class="fig-standfirst"></p>
<div class="fig-content-body"><p class="fig-paragraph">{{0}}</p>
<div class="fig-embed fig-ranking-profile"><a href="/x">FURNITURE Passer la publicité</a></div>
<p class="fig-paragraph">{{1}}</p><p class="fig-paragraph">{{2}}</p></div></article>
<div class="fig-comments"><p>FURNITURE 12 commentaires</p></div></main>""",
    "Libération": """<body><div id="fusion-app"><div class="sc-a1 kZx"><div class="sc-b2"><div class="sc-c3">
<header role="banner"><a href="/">FURNITURE Libération</a></header>
<div class="sc-d4 layout"><div class="sc-e5"><h1 class="sc-f6">{title}</h1>
<article class="sc-g7 article-body-wrapper"><p class="article_link sc-h8">{0}</p>
<div class="sc-i9 pub"><p>Publicité</p></div>
<p class="article_link sc-h8">{1}</p><p class="article_link sc-h8">{2}</p></article>
<div class="sc-j0"><h2>FURNITURE Dans la même rubrique</h2><a href="/y"><p>FURNITURE Autre titre</p></a></div>
</div></div></div></div></div></div>""",
    "Ouest-France": """<body><header id="header"><nav class="main-nav"><a href="/">FURNITURE Ma commune</a></nav></header>
<main><article class="su-article"><div class="su-article__header"><h1>{title}</h1>
<p class="su-publication-info">Publié le 02/03/2026 à 18h30</p></div>
<div class="su-article__body"><p>{0}</p>
<p class="su-read-also"><strong>LIRE AUSSI.</strong> <a href="/z">FURNITURE Un récit voisin</a></p>
<p>{1}</p><div class="ad-slot" id="pub-1"></div><p>{2}</p></div>
<div class="su-article__tags"><ul><li><a href="/t">FURNITURE Rennes</a></li></ul></div></article></main>""",
}
ENGLISH_PAGES = {
    "BBC": """<body><div id="root"><header role="banner"><nav><a href="/news">FURNITURE News</a></nav></header>
<main id="main-content"><article class="ssrcss-1-ArticleWrapper"><div data-component="headline-block">
<h1 class="ssrcss-2-Heading">{title}</h1></div>
<div data-component="byline-block"><ul><li>Published 3 March 2026</li></ul></div>
<div data-component="text-block" class="ssrcss-3"><div class="ssrcss-4"><p class="ssrcss-5"><b>{0}</b></p></div></div>
<div data-component="text-block" class="ssrcss-3"><div class="ssrcss-4"><p class="ssrcss-5">{1}</p></div></div>
<div data-component="links-block"><ul><li><a href="/n1">FURNITURE Trams return to the city</a></li></ul></div>
<div data-component="text-block" class="ssrcss-3"><div class="ssrcss-4"><p class="ssrcss-5">{2}</p></div></div>
<section data-component="topic-list"><h2>FURNITURE Related topics</h2></section></article></main></div>""",
    "The Guardian": """<body><div class="dcr-1"><gu-island name="Masthead"><nav class="dcr-2">
<a href="/uk">FURNITURE News</a></nav></gu-island></div>
<main data-layout="StandardLayout"><article class="dcr-3"><div data-gu-name="headline"><h1>{title}</h1></div>
<div data-gu-name="body"><div id="maincontent" class="article-body-commercial-selector dcr-4">
<p class="dcr-5">{0}</p><aside class="dcr-6" data-spacefinder-role="richLink"><a href="/r">FURNITURE Canal boats</a></aside>
<p class="dcr-5">{1}</p><figure><gu-island name="SignInGate"></gu-island></figure><p class="dcr-5">{2}</p></div>
<div class="dcr-7"><a href="/topic">FURNITURE Batteries</a></div></div></article></main>
<aside><h2>FURNITURE Most viewed</h2></aside>""",
    "The Verge": """<body><div id="__next"><nav class="duet--navigation--navigation"><a href="/t">FURNITURE Tech</a></nav>
<main><article><div class="duet--article--lede"><h1 class="duet--article--headline">{title}</h1></div>
<div class="duet--article--article-body-component-container">
<div class="duet--article--article-body-component"><p class="duet--article--dangerously-set-cms-markup">{0}</p></div>
<div class="duet--ad"><div id="native"></div></div>
<div class="duet--article--article-body-component"><p class="duet--article--dangerously-set-cms-markup">{1}</p></div>
<div class="duet--article--article-body-component"><p class="duet--article--dangerously-set-cms-markup">{2}</p></div>
</div><div class="duet--article--comments"><button>FURNITURE Comments</button></div></article></main></div>""",
    "Metro": f"""<body class="single"><header class="site-header">{_OPEN_PATHS}<a href="/">FURNITURE Metro</a>{_ICONS}</header>
<main class="content"><article class="post"><h1 class="post-title">{{title}}</h1>
<div class="article-body"><p>{{0}}</p><div class="metro-zopo"><h3>Trending</h3>
<ul><li><a href="/q">FURNITURE A story</a></li></ul></div><p>{{1}}</p><p>{{2}}</p>
<p class="metro-links"><a href="/more">FURNITURE More stories like this</a></p></div></article></main>""",
    "The Globe and Mail": f"""<body class="l-body"><div class="c-header">{_ICONS}
<button class="c-menu"><span>FURNITURE Menu</span><svg><path d="M1 1"></svg></button></div>
<main><article class="l-article"><header class="c-article-header"><h1>{{title}}</h1></header>
<div class="c-article-body js-article-body"><p class="c-article-body__text text-pr-5">{{0}}</p>
<div class="c-ad c-ad--inline">{_ICONS}</div><p class="c-article-body__text text-pr-5">{{1}}</p>
<p class="c-article-body__text text-pr-5">{{2}}</p></div></article>
<div class="c-more"><h3>FURNITURE Follow related topics</h3></div></main>""",
    "Ars Technica": """<body><header class="site-header"><nav><a href="/">FURNITURE Sections</a></nav></header>
<main><article class="double-column"><header><h1>{title}</h1></header>
<div class="post-content post-content-double"><p>{0}</p><p>{1}</p></div>
<div class="ars-interlude-container"><div class="ad-wrapper"></div></div>
<div class="post-content post-content-double"><p>{2}</p><p>{0}</p></div>
<div class="author-mini-bio"><p><a href="/author">FURNITURE A. Writer</a></p></div>
<a class="comments" href="#c">FURNITURE 12 Comments</a></article></main>""",
}
