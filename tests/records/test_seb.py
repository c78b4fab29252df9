"""Safe Exam Browser's settings: the Config Key as its own clients make it, files that are read or refused, and the file for an exam."""

from __future__ import annotations

import functools
import gzip
import hashlib
import plistlib
import random
from datetime import datetime, timezone
from typing import Any

import pytest

from basics.errors import InvalidInput, TooLarge
from records.seb import (
    DEPTH_MAX,
    FILE_MAX_BYTES,
    TAGS_MAX,
    as_browsers_write,
    config_key,
    exam_settings,
    proof,
    proves,
    read_seb,
    seb_json,
    write_seb,
)

# The settings that SEB 2.1.4 for macOS writes by default, put together here by their values; a file with them is among the examples that Moodle's
# `quizaccess_seb` is tested with, and its test says which key the client itself made of it.
MAC_KEY = "4fa9af8ec8759eb7c680752ef4ee5eaf1a860628608fccae2715d519849f9292"
FUNCTION_KEYS = [f"enableF{number}" for number in range(1, 13)]
INSIDE = "ChangeAPassword EaseOfAccess LockThisComputer LogOff NetworkConnectionSelector ShutDown StartTaskManager SwitchUser VmWareClientShade"
ORIENTED = [
    f"mobileSupportedScreenOrientations{form}{way}" for form in ("Compact", "Regular") for way in ("LandscapeLeft", "LandscapeRight", "Portrait")
]
YES = (
    "allowPreferencesWindow allowQuit allowUserSwitching allowedDisplayBuiltin browserURLSalt browserWindowAllowReload createNewDesktop "
    "detectStoppedProcess downloadAndOpenSebConfig enableAltTab enableAppSwitcherCheck enableEsc enableJavaScript enableLogging enablePlugIns "
    "enablePrivateClipboard enableRightMouse enableSebBrowser enableZoomPage enableZoomText examSessionClearSessionCookies forceAppFolderInstall "
    "hookKeys ignoreExitKeys mobileAllowInlineMediaPlayback mobileEnableASAM mobilePreventAutoLock mobileSupportedFormFactorsCompact "
    "mobileSupportedFormFactorsNonTelephonyCompact mobileSupportedFormFactorsRegular mobileSupportedScreenOrientationsRegularPortraitUpsideDown "
    "monitorProcesses newBrowserWindowAllowReload newBrowserWindowNavigation quitURLConfirm restartExamPasswordProtected sendBrowserExamKey "
    "showBackToStartButton showMenuBar showQuitButton showReloadButton showTaskBar showTime urlFilterRegex"
)
NO = (
    "URLFilterEnable URLFilterEnableContentFilter allowBrowsingBackForward allowDictation allowDictionaryLookup allowDisplayMirroring "
    "allowDownUploads allowFlashFullscreen allowPDFPlugIn allowScreenSharing allowSiri allowSpellCheck allowSwitchToApplications "
    "allowUserAppFolderInstall allowVideoCapture allowVirtualMachine allowWlan blockPopUpWindows browserMediaAutoplay browserScreenKeyboard "
    "configFileCreateIdentity configFileEncryptUsingIdentity downloadPDFFiles enableAltEsc enableAltF4 enableAltMouseWheel "
    "enableBrowserWindowToolbar enableCtrlEsc enableDrawingEditor enableJava enablePrintScreen enableStartMenu enableTouchExit "
    "examSessionReconfigureAllow hideBrowserWindowToolbar ignoreQuitPassword killExplorerShell logSendingRequiresAdminPassword "
    "mobileAllowPictureInPictureMediaPlayback mobileAllowQRCodeConfig mobileAllowSingleAppMode mobileCompactAllowInlineMediaPlayback "
    "mobileEnableGuidedAccessLinkTransform mobileShowSettings mobileSupportedScreenOrientationsCompactPortraitUpsideDown "
    "newBrowserWindowByLinkBlockForeign newBrowserWindowByScriptBlockForeign newBrowserWindowShowReloadWarning openDownloads "
    "pinEmbeddedCertificates quitURLRestart removeBrowserProfile removeLocalStorage restartExamUseStartURL sebServerFallback showInputLanguage "
    "showNavigationButtons showReloadWarning showScanQRCodeButton startURLAllowDeepLink startURLAppendQueryParameter touchOptimized "
    "urlFilterTrustedContent"
)
EMPTY = (
    "blacklistURLFilter browserUserAgent browserUserAgentMacCustom browserUserAgentWinDesktopModeCustom browserUserAgentWinTouchModeCustom "
    "browserUserAgentiOSCustom examSessionReconfigureConfigURL hashedAdminPassword hashedQuitPassword logDirectoryOSX logDirectoryWin quitURL "
    "restartExamText restartExamURL sebServerURL whitelistURLFilter"
)
NONE_LISTED = "URLFilterIgnoreList URLFilterRules additionalResources embeddedCertificates permittedProcesses prohibitedProcesses"
NUMBERS: dict[int, str] = {
    0: "URLFilterMessage allowiOSBetaVersionNumber browserUserAgentMac browserUserAgentWinDesktopMode browserUserAgentWinTouchMode "
    "browserUserAgentiOS browserViewMode browserWindowShowURL chooseFileToUploadPolicy proxySettingsPolicy sebConfigPurpose sebMode zoomMode",
    1: "allowedDisplaysMaxNumber mainBrowserWindowPositioning mobileStatusBarAppearance mobileStatusBarAppearanceExtended "
    "newBrowserWindowByLinkPolicy",
    2: "exitKey1 newBrowserWindowByLinkPositioning newBrowserWindowByScriptPolicy newBrowserWindowShowURL oskBehavior sebServicePolicy",
    3: "allowiOSVersionNumberMinor",
    4: "logLevel minMacOSVersion",
    5: "allowiOSVersionNumberPatch exitKey3",
    9: "allowiOSVersionNumberMajor",
    10: "exitKey2",
    40: "taskBarHeight",
    120000: "browserMessagingPingTime",
}
TEXTS = {
    "browserMessagingSocket": "ws:\\localhost:8706",
    "browserUserAgentWinTouchModeIPad": "Mozilla/5.0 (iPad; CPU OS 11_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/11.0 "
    "Mobile/15E148 Safari/604.1",
    "downloadDirectoryOSX": "/Users/andrewmadden/Downloads",
    "downloadDirectoryWin": "Downloads",
    "mainBrowserWindowHeight": "100%",
    "mainBrowserWindowWidth": "100%",
    "newBrowserWindowByLinkHeight": "100%",
    "newBrowserWindowByLinkWidth": "1000",
    "originatorVersion": "SEB_OSX_2.1.4_2B66",
    "startURL": "https://www.google.com",
}


def mac_proxies() -> dict[str, Any]:
    ports = {"HTTP": 80, "HTTPS": 443, "RTSP": 554, "SOCKS": 1080, "FTP": 21}
    own = "org_safeexambrowser_SEB_"
    proxies: dict[str, Any] = {
        f"{own}AutoConfigurationEnabled": False,
        f"{own}AutoConfigurationJavaScript": "",
        f"{own}AutoConfigurationURL": "",
        f"{own}AutoDiscoveryEnabled": False,
        f"{own}ExceptionsList": [],
        f"{own}ExcludeSimpleHostnames": False,
        f"{own}FTPPassive": True,
    }
    for kind, port in ports.items():
        proxies |= {f"{own}{kind}Enable": False, f"{own}{kind}Port": port, f"{own}{kind}RequiresPassword": False}
        proxies |= {f"{own}{kind}{field}": "" for field in ("Password", "Proxy", "Username")}
    return proxies


def mac_settings() -> dict[str, Any]:
    salt = bytes.fromhex("e222ce35501cd722962f16dee956dfdaf59840eeb32110286ca81cddfdb92c7f")
    settings: dict[str, Any] = {
        **dict.fromkeys([*YES.split(), *FUNCTION_KEYS, *ORIENTED], True),
        **dict.fromkeys([*NO.split(), *(f"insideSebEnable{name}" for name in INSIDE.split())], False),
        **dict.fromkeys(EMPTY.split(), ""),
        **{name: [] for name in NONE_LISTED.split()},
        **{name: number for number, names in NUMBERS.items() for name in names.split()},
        **TEXTS,
        "configKeySalt": b"",
        "examKeySalt": salt,
        "proxies": mac_proxies(),
    }
    names = list(settings)
    random.Random(1).shuffle(names)
    return {name: settings[name] for name in names}


def test_the_key_is_the_one_that_a_client_made() -> None:
    settings = mac_settings()
    assert config_key(settings) == MAC_KEY
    assert config_key(read_seb(write_seb(settings))) == MAC_KEY, "through a file, too"


def test_what_the_key_is_made_of() -> None:
    settings = {
        "b": [{}, {"z": 1, "A": 2.5}],
        "allowWLAN": True,
        "allowWlan": False,
        "a\\": 'c\\d"ü',
        "data": b"\x00\xff",
        "at": datetime(2026, 1, 2, 3, 4, 5),
        "zoned": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
        "empty": {},
        "emptied": {"inside": {"of it": {}}},
        "originatorVersion": "SEB_1",
        "n": -7,
    }
    assert seb_json(settings) == (
        '{"a\\":"c\\d"ü","allowWlan":false,"allowWLAN":true,"at":"2026-01-02T03:04:05+00:00","b":[{},{"A":2.5,"z":1}],"data":"AP8=","n":-7,'
        '"zoned":"2026-01-02T03:04:05+00:00"}'
    )
    assert config_key(settings) == hashlib.sha256(seb_json(settings).encode()).hexdigest()


def test_a_proof_is_of_one_address_and_one_key() -> None:
    key, other = "a" * 64, "b" * 64
    address = "https://x.example/portal?exam=1&seb=2"
    said = proof(f"{address}#t=token", key)
    assert said == hashlib.sha256(f"{address}{key}".encode()).hexdigest(), "without what stands behind #"
    assert proves(said, [address], [other, key])
    assert proves(said.upper(), ["https://y.example/", address], [key])
    for wrong in (
        (said, [f"{address}3"], [key]),
        (said, [address], [other]),
        (said, [address], []),
        ("", [address], [key]),
        (None, [address], [key]),
    ):
        assert not proves(*wrong)
    assert not proves("\ud800" + said, [address], [key])


compress = functools.partial(gzip.compress, mtime=0)  # the same bytes in every process: they name the tests
SMALL = {"startURL": "https://x.example/", "allowQuit": True}
PLAIN = plistlib.dumps(SMALL)


@pytest.mark.parametrize("data", [PLAIN, b"\xef\xbb\xbf\n" + PLAIN, compress(PLAIN), compress(b"plnd" + compress(PLAIN)), b"plnd" + PLAIN])
def test_a_file_that_is_not_encrypted_is_read(data: bytes) -> None:
    assert read_seb(data) == SMALL


def deep(levels: int) -> bytes:
    return b"<plist><dict><key>a</key>" + b"<array>" * levels + b"</array>" * levels + b"</dict></plist>"


LAUGHS = b'<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><plist><dict><key>a</key><string>&b;</string></dict></plist>'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no property list"),
        (b"pswd" + b"\x00" * 40, "encrypted"),
        (compress(b"pkhs" + b"\x00" * 40), "encrypted"),
        (b"bplist00" + b"\x00" * 40, "no property list"),
        (b"\xff\xfe<\x00?\x00x\x00m\x00l\x00", "no property list"),
        (b"<html>", "no property list"),
        (PLAIN[:-20], "can’t be read as"),
        (PLAIN.replace(b"<true/>", b"<integer>many</integer>"), "can’t be read as"),
        (PLAIN.replace(b"<true/>", b"<date>yesterday</date>"), "can’t be read as"),
        (PLAIN.replace(b"<true/>", b"<data>%%%</data>"), ""),
        (b"<plist><dict><key>a</key><integer>0x" + b"f" * 9000 + b"</integer></dict></plist>", "a number"),
        (b"<plist><dict><key>a</key><real>inf</real></dict></plist>", "a number"),
        (b"<plist><array><string>a</string></array></plist>", "no settings"),
        (b"<plist><dict/></plist>", "no settings"),
        (LAUGHS, "entities"),
        (LAUGHS.decode().replace("?>", ' encoding="UTF-16"?>', 1).encode("utf-16"), "no property list"),
        (deep(DEPTH_MAX + 5), "deeper"),
        (deep(5000), "deeper"),
        (compress(PLAIN)[:-9], "its end is missing"),
        (b"\x1f\x8b" + b"x" * 50, "can’t be unpacked"),
    ],
)
def test_what_is_no_file_of_its_own_is_refused_with_a_sentence(data: bytes, words: str) -> None:
    if not words:  # lenient base64 is no harm
        read_seb(data)
        return
    with pytest.raises(InvalidInput, match=words) as refused:
        read_seb(data)
    assert refused.value.field == "file"


@pytest.mark.parametrize(
    "data",
    [
        compress(b"<plist>" + b" " * (FILE_MAX_BYTES + 1)),
        compress(b"plnd" + compress(b" " * 50_000_000)),
        PLAIN + b" " * FILE_MAX_BYTES,
        b"<plist><dict><key>a</key><array>" + b"<true/>" * TAGS_MAX + b"</array></dict></plist>",
    ],
)
def test_what_is_larger_than_such_a_file_is_not_unpacked_or_read(data: bytes) -> None:
    with pytest.raises(TooLarge):
        read_seb(data)


def test_an_exams_own_settings_lead_to_it_and_let_nothing_else_in() -> None:
    made = exam_settings(
        "https://uni.example/proctor", "ab" * 16, addresses=["https://user@quiz.example:8443/a?b", "http://docs.example"], screen=True, windows=False
    )
    assert made["startURL"] == f"https://uni.example/proctor/seb/{'ab' * 16}"
    assert "?" not in made["startURL"], "clients put a query behind it with a question mark of their own"
    rules = made["URLFilterRules"]
    assert [rule["expression"] for rule in rules] == [
        "https://uni.example/proctor/*",
        "wss://uni.example/proctor/*",
        "https://quiz.example:8443/*",
        "http://docs.example/*",
    ]
    assert all(rule["action"] == 1 and rule["active"] and not rule["regex"] for rule in rules)
    assert all(made[f"browserMediaCapture{device}"] for device in ("Camera", "Microphone", "Screen"))
    assert made["newBrowserWindowByScriptPolicy"] == 0
    assert config_key(made) == config_key(read_seb(write_seb(made)))
    assert config_key(made) != config_key(exam_settings("https://uni.example/proctor", "cd" * 16))
    odd = [value for value in made.values() if isinstance(value, float | bytes | datetime) or value == {}]
    assert not odd, "of these the clients make different keys"
    assert "\\" not in seb_json(made)
    assert '""' not in seb_json(made)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("https://Uni.Example:443/Proctor", "https://uni.example/Proctor"),
        ("http://h:80", "http://h"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_an_address_is_as_a_browser_writes_it(given: str, written: str) -> None:
    assert as_browsers_write(given) == written
