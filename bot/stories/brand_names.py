"""Brands (companies and products) in tech news, each as one folded word.

Two titles with different brands report different events, however similar they are otherwise: "Google fined"
and "Apple fined". The list need not be complete: other names are recognised by their capitals.
"""

BRANDS = frozenset(
    """
    adobe airbnb airbus akamai alcatel alibaba alphabet altice altman amazon amd android anthropic apple
    asml asus atlassian atos autodesk aws azure baidu basecamp binance bing bitbucket bitcoin blackberry
    blizzard bluesky boeing booking bouygues broadcom bytedance canonical capgemini chatgpt chrome
    chromium cisco citrix claude cloudflare coinbase comcast copilot coreweave crowdstrike dailymotion
    dashlane databricks debian deepmind deepseek deezer deliveroo dell disney docker doctolib dropbox
    duckduckgo ebay electron epic ericsson ethereum etsy expedia facebook fairphone fedora figma firefox
    fitbit foxconn fujitsu garmin gemini github gitlab gmail google gopro grok hashicorp hbo hewlett
    honda hp huawei huggingface hyundai ibm ikea iliad infineon instagram intel intuit ios ipad iphone
    jetbrains kaspersky kickstarter kodak kubernetes lastpass lenovo lg libreoffice linkedin linux llama
    lockbit logitech lyft macbook macos mastercard mastodon mediatek meta micron microsoft mistral
    mongodb motorola mozilla nasa netflix netgear nintendo nissan nokia nvidia okta oneplus openai oppo
    oracle ovh ovhcloud palantir panasonic paramount paypal peloton perplexity philips pinterest pixel
    playstation qualcomm qwant qwen raspberry realme reddit redhat renault revolut rivian roblox roku
    salesforce samsung sap scaleway sfr shein shopify siemens signal skype snapchat sony spacex spotify
    starlink stellantis substack suse symantec synology telegram temu tencent tesla tiktok tinder
    tmobile toshiba toyota trello tsmc tumblr twilio twitch twitter uber ubisoft ubuntu verizon vimeo
    vivaldi vivo vmware vodafone volkswagen volvo waymo wechat whatsapp wikipedia windows withings
    wordpress workday xbox xiaomi yahoo yandex youtube zelda zte
    """.split()
)
"""Brand names (lower case, no accents) that count without a capital too: tech news rarely means the other word."""

AMBIGUOUS_BRANDS = frozenset(
    """
    arm bouygues bolt canal claude discord edge elastic figma fly free gemini go honor ledger linear mint
    mistral notion nothing opera orange rust slack snap square stripe switch unity valve visa word zoom
    """.split()
)
"""Brand names that are also common words: unless they are in `BRANDS` too, they count only with a capital."""
