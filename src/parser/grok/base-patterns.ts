/**
 * The grok patterns that others are made of: numbers, words, addresses, paths, times. Each matches what the pattern of
 * this name matches in fluent-plugin-grok-parser 2.6.3; a test compares them.
 */

/** An IPv6 address: some groups, `::`, at most as many again as are missing, the last two of them as IPv4 if need be. */
function ipv6(): string {
  const group = String.raw`\h{1,4}`;
  const octet = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
  const ipv4 = String.raw`${octet}(?:\.${octet}){3}`;
  const forms = [`(?:${group}:){7}(?:${group}|:)`, `(?:${group}:){6}(?::${group}|${ipv4}|:)`];
  for (let before = 5; before >= 0; before--) {
    const leading = before === 0 ? ":" : `(?:${group}:){${before}}`;
    forms.push(`${leading}(?:(?::${group}){1,${7 - before}}|(?::${group}){0,${5 - before}}:${ipv4}|:)`);
  }
  return `(?:${forms.join("|")})(?:%.+)?`;
}

const octet = String.raw`(?:[01]?\d{1,2}|2[0-4]\d|25[0-5])`;
const label = "[0-9A-Za-z][0-9A-Za-z-]{0,62}";
const quoted = (quote: string) => String.raw`${quote}(?>\\.|[^\\${quote}]+)*${quote}`;

/** In both series. */
export const BASE_PATTERNS = String.raw`
USERNAME [\w.-]+
USER %{USERNAME}
EMAILADDRESS %{EMAILLOCALPART}@%{HOSTNAME}

INT [+-]?\d+
BASE10NUM (?<![\d.+-])(?>[+-]?(?:\d+(?:\.\d+)?|\.\d+))
NUMBER %{BASE10NUM}
BASE16NUM (?<!\h)[+-]?(?:0x)?\h+
BASE16FLOAT \b(?<![\h.])[+-]?(?:0x)?(?:\h+(?:\.\h*)?|\.\h+)\b
POSINT \b[1-9]\d*\b
NONNEGINT \b\d+\b

WORD \b\w+\b
NOTSPACE \S+
SPACE \s*
DATA .*?
GREEDYDATA .*
QUOTEDSTRING (?<!\\)(?>${quoted('"')}|${quoted("'")}|${quoted("\x60")})
QS %{QUOTEDSTRING}
UUID \h{8}(?:-\h{4}){3}-\h{12}
URN urn:[0-9A-Za-z][0-9A-Za-z-]{0,31}:(?:%\h{2}|[0-9A-Za-z()+,.:=@;$_!*'/?#-])+

CISCOMAC (?:\h{4}\.){2}\h{4}
WINDOWSMAC (?:\h{2}-){5}\h{2}
COMMONMAC (?:\h{2}:){5}\h{2}
MAC %{CISCOMAC}|%{WINDOWSMAC}|%{COMMONMAC}
IPV6 ${ipv6()}
IPV4 (?<!\d)(?:${octet}[.]){3}${octet}(?!\d)
IP %{IPV6}|%{IPV4}
HOSTNAME \b${label}(?:\.${label})*\.?
IPORHOST %{IP}|%{HOSTNAME}
HOSTPORT %{IPORHOST}:%{POSINT}

UNIXPATH (?:/[[:alnum:]_%!$@:.,+~-]*)+
WINPATH (?>[A-Za-z]+:|\\)(?:\\[^\\?*]*)+
PATH %{UNIXPATH}|%{WINPATH}
TTY /dev/(?:pts|tty[pq]?)\w*/?\d+
URIPROTO [A-Za-z][A-Za-z0-9+.-]+
URIPATH (?:/[\w$.+!*'(){},~:;=@#%&-]*)+

MONTH \b(?:[Jj]an(?:uary?)?|[Ff]eb(?:ruary?)?|[Mm][aä]?r(?:ch|z)?|[Aa]pr(?:il)?|[Mm]a[yi]?|[Jj]un[ei]?|[Jj]ul[yi]?|[Aa]ug(?:ust)?|[Ss]ep(?:tember)?|[Oo][ck]?t(?:ober)?|[Nn]ov(?:ember)?|[Dd]e[cz](?:ember)?)\b
MONTHNUM 0?[1-9]|1[0-2]
MONTHNUM2 0[1-9]|1[0-2]
MONTHDAY 0[1-9]|[12]\d|3[01]|[1-9]
DAY Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?
YEAR (?>\d\d){1,2}
HOUR 2[0-3]|[01]?\d
MINUTE [0-5]\d
SECOND (?:[0-5]?\d|60)(?:[:.,]\d+)?
TIME %{HOUR}:%{MINUTE}(?::%{SECOND})(?!\d)
DATE_US %{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}
DATE_EU %{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}
DATE %{DATE_US}|%{DATE_EU}
ISO8601_TIMEZONE Z|[+-]%{HOUR}(?::?%{MINUTE})
ISO8601_SECOND %{SECOND}
TIMESTAMP_ISO8601 %{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?%{ISO8601_TIMEZONE}?
TZ [APMCE][SD]T|UTC
DATESTAMP %{DATE}[- ]%{TIME}
DATESTAMP_RFC822 %{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}
DATESTAMP_RFC2822 %{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} %{ISO8601_TIMEZONE}
DATESTAMP_OTHER %{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{TZ} %{YEAR}
DATESTAMP_EVENTLOG %{YEAR}%{MONTHNUM2}%{MONTHDAY}%{HOUR}%{MINUTE}%{SECOND}
HTTPDATE %{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}
SYSLOGTIMESTAMP %{MONTH} +%{MONTHDAY} %{TIME}

PROG [!-Z\\^-~]+
SYSLOGHOST %{IPORHOST}
LOGLEVEL [Aa]lert|ALERT|[Tt]race|TRACE|[Dd]ebug|DEBUG|[Nn]otice|NOTICE|[Ii]nfo?(?:rmation)?|INFO?(?:RMATION)?|[Ww]arn?(?:ing)?|WARN?(?:ING)?|[Ee]rr?(?:or)?|ERR?(?:OR)?|[Cc]rit?(?:ical)?|CRIT?(?:ICAL)?|[Ff]atal|FATAL|[Ss]evere|SEVERE|EMERG(?:ENCY)?|[Ee]merg(?:ency)?
`;
