"""The countries of a fresh portal and the services that read them. Knows no other sample."""

from typing import Annotated

from aioliferay.testing._java import JavaLong, JavaType, Long, Model
from aioliferay.testing._registry import Registry
from aioliferay.testing._sample_models import model_getters, originals
from aioliferay.testing._sample_store import Actions, Store, register

# Codes of two and three letters, number, dialling code, id, whether a postal code is required, name; in the portal's order.
TABLE = """
AF AFG 4 093 20 z afghanistan; AX ALA 248 359 228 z aland-islands; AL ALB 8 355 21 z albania;
DZ DZA 12 213 22 z algeria; AS ASM 16 684 23 z american-samoa; AD AND 20 376 24 z andorra;
AO AGO 24 244 25 - angola; AI AIA 660 264 26 z anguilla; AQ ATA 10 672 27 z antarctica;
AG ATG 28 268 28 - antigua-barbuda; AR ARG 32 054 29 z argentina; AM ARM 51 374 30 z armenia;
AW ABW 533 297 31 - aruba; AU AUS 36 061 32 z australia; AT AUT 40 043 33 z austria;
AZ AZE 31 994 34 z azerbaijan; BS BHS 44 242 35 - bahamas; BH BHR 48 973 36 z bahrain;
BD BGD 50 880 37 z bangladesh; BB BRB 52 246 38 z barbados; BY BLR 112 375 39 z belarus;
BE BEL 56 032 40 z belgium; BZ BLZ 84 501 41 - belize; BJ BEN 204 229 42 - benin; BM BMU 60 441 43 z bermuda;
BT BTN 64 975 44 z bhutan; BO BOL 68 591 45 z bolivia; BQ BES 535 599 229 z bonaire-st-eustatius-saba;
BA BIH 70 387 46 z bosnia-herzegovina; BW BWA 72 267 47 - botswana; BV BVT 74 047 230 z bouvet-island;
BR BRA 76 055 48 z brazil; IO IOT 86 246 231 z british-indian-ocean-territory;
VG VGB 92 284 49 z british-virgin-islands; BN BRN 96 673 50 z brunei; BG BGR 100 359 51 z bulgaria;
BF BFA 854 226 52 - burkina-faso; MM MMR 104 095 53 z burma-myanmar; BI BDI 108 257 54 - burundi;
KH KHM 116 855 55 z cambodia; CM CMR 120 237 56 z cameroon; CA CAN 124 001 1 z canada;
CV CPV 132 238 57 z cape-verde-island; KY CYM 136 345 58 z cayman-islands;
CF CAF 140 236 59 - central-african-republic; TD TCD 148 235 60 z chad; CL CHL 152 056 61 z chile;
CN CHN 156 086 2 z china; CX CXR 162 061 62 z christmas-island; CC CCK 166 061 63 z cocos-islands;
CO COL 170 057 64 z colombia; KM COM 174 269 65 - comoros; CK COK 184 682 68 - cook-islands;
CR CRI 188 506 69 z costa-rica; HR HRV 191 385 70 z croatia; CU CUB 192 053 71 z cuba;
CW CUW 531 599 232 z curacao; CY CYP 196 357 72 z cyprus; CZ CZE 203 420 73 z czech-republic;
CG COG 178 243 67 - democratic-republic-of-congo; DK DNK 208 045 74 z denmark; DJ DJI 262 253 75 - djibouti;
DM DMA 212 767 76 - dominica; DO DOM 214 809 77 z dominican-republic; EC ECU 218 593 78 z ecuador;
EG EGY 818 020 79 z egypt; SV SLV 222 503 80 z el-salvador; GQ GNQ 226 240 81 - equatorial-guinea;
ER ERI 232 291 82 - eritrea; EE EST 233 372 83 z estonia; ET ETH 231 251 84 z ethiopia;
FO FRO 234 298 85 z faeroe-islands; FK FLK 238 500 86 z falkland-islands; FJ FJI 242 679 87 - fiji-islands;
FI FIN 246 358 88 z finland; FR FRA 250 033 3 z france; GF GUF 254 594 89 z french-guiana;
PF PYF 258 689 90 z french-polynesia; TF ATF 260 033 233 - french-southern-territories;
GA GAB 266 241 91 z gabon; GM GMB 270 220 92 - gambia; GE GEO 268 995 93 z georgia; DE DEU 276 049 4 z germany;
GH GHA 288 233 94 - ghana; GI GIB 292 350 95 z gibraltar; GR GRC 300 030 96 z greece;
GL GRL 304 299 97 z greenland; GD GRD 308 473 98 - grenada; GP GLP 312 590 99 z guadeloupe;
GU GUM 316 671 100 z guam; GT GTM 320 502 101 z guatemala; GG GGY 831 044 234 z guernsey;
GN GIN 324 224 102 - guinea; GW GNB 624 245 103 z guinea-bissau; GY GUY 328 592 104 - guyana;
HT HTI 332 509 105 z haiti; HM HMD 334 061 235 z heard-island-mcdonald-islands; HN HND 340 504 106 z honduras;
HK HKG 344 852 5 z hong-kong; HU HUN 348 036 6 z hungary; IS ISL 352 354 107 z iceland;
IN IND 356 091 108 z india; ID IDN 360 062 109 z indonesia; IR IRN 364 098 110 z iran;
IQ IRQ 368 964 111 z iraq; IE IRL 372 353 112 - ireland; IM IMN 833 044 236 z isle-of-man;
IL ISR 376 972 7 z israel; IT ITA 380 039 8 z italy; CI CIV 384 225 113 z ivory-coast;
JM JAM 388 876 114 z jamaica; JP JPN 392 081 9 - japan; JE JEY 832 044 237 z jersey;
JO JOR 400 962 115 z jordan; KZ KAZ 398 007 116 z kazakhstan; KE KEN 404 254 117 z kenya;
KI KIR 408 686 118 - kiribati; KW KWT 414 965 119 z kuwait; KG KGZ 471 996 121 z kyrgyzstan;
LA LAO 418 856 122 z laos; LV LVA 428 371 123 z latvia; LB LBN 422 961 124 z lebanon;
LS LSO 426 266 125 z lesotho; LR LBR 430 231 126 z liberia; LY LBY 434 218 127 z libya;
LI LIE 438 423 128 z liechtenstein; LT LTU 440 370 129 z lithuania; LU LUX 442 352 130 z luxembourg;
MO MAC 446 853 131 - macau; MK MKD 807 389 132 z macedonia; MG MDG 450 261 133 z madagascar;
MW MWI 454 265 134 - malawi; MY MYS 458 060 135 z malaysia; MV MDV 462 960 136 z maldives;
ML MLI 466 223 137 - mali; MT MLT 470 356 138 z malta; MH MHL 584 692 139 z marshall-islands;
MQ MTQ 474 596 140 z martinique; MR MRT 478 222 141 - mauritania; MU MUS 480 230 142 - mauritius;
YT MYT 175 269 143 z mayotte-island; MX MEX 484 052 144 z mexico; FM FSM 583 691 145 z micronesia;
MD MDA 498 373 146 z moldova; MC MCO 492 377 147 z monaco; MN MNG 496 976 148 z mongolia;
ME MNE 499 382 149 z montenegro; MS MSR 500 664 150 - montserrat; MA MAR 504 212 151 z morocco;
MZ MOZ 508 258 152 z mozambique; NA NAM 516 264 153 z namibia; NR NRU 520 674 154 - nauru;
NP NPL 524 977 155 z nepal; NL NLD 528 031 11 z netherlands; AN ANT 530 599 156 z netherlands-antilles;
NC NCL 540 687 157 z new-caledonia; NZ NZL 554 064 158 z new-zealand; NI NIC 558 505 159 z nicaragua;
NE NER 562 227 160 z niger; NG NGA 566 234 161 z nigeria; NU NIU 570 683 162 - niue;
NF NFK 574 672 163 z norfolk-island; KP PRK 408 850 120 - north-korea;
MP MNP 580 670 238 z northern-mariana-islands; NO NOR 578 047 164 z norway; OM OMN 512 968 165 z oman;
PK PAK 586 092 166 z pakistan; PW PLW 585 680 167 z palau; PS PSE 275 970 168 z palestine;
PA PAN 591 507 169 z panama; PG PNG 598 675 170 z papua-new-guinea; PY PRY 600 595 171 z paraguay;
PE PER 604 051 172 z peru; PH PHL 608 063 173 z philippines; PN PCN 612 649 239 z pitcairn;
PL POL 616 048 174 z poland; PT PRT 620 351 12 z portugal; PR PRI 630 787 175 z puerto-rico;
QA QAT 634 974 176 - qatar; CD COD 180 242 66 - republic-of-congo; RE REU 638 262 177 z reunion-island;
RO ROU 642 040 178 z romania; RU RUS 643 007 13 z russia; RW RWA 646 250 179 - rwanda;
SM SMR 674 378 185 z san-marino; ST STP 678 239 186 - sao-tome-principe; SA SAU 682 966 187 z saudi-arabia;
SN SEN 686 221 188 z senegal; RS SRB 688 381 189 z serbia; SC SYC 690 248 190 - seychelles;
SL SLE 694 249 191 - sierra-leone; SG SGP 702 065 14 z singapore; SX SXM 534 721 242 z sint-maarten;
SK SVK 703 421 192 z slovakia; SI SVN 705 386 193 z slovenia; SB SLB 90 677 194 - solomon-islands;
SO SOM 706 252 195 - somalia; ZA ZAF 710 027 196 z south-africa;
GS SGS 239 044 240 z south-georgia-south-sandwich-islands; KR KOR 410 082 10 z south-korea;
SS SSD 728 211 241 z south-sudan; ES ESP 724 034 15 z spain; LK LKA 144 094 197 z sri-lanka;
BL BLM 652 590 243 z st-barthelemy; SH SHN 654 290 180 z st-helena; KN KNA 659 869 181 - st-kitts;
LC LCA 662 758 182 - st-lucia; MF MAF 663 590 244 z st-martin; PM SPM 666 508 183 z st-pierre-miquelon;
VC VCT 670 784 184 z st-vincent; SD SDN 736 095 198 z sudan; SR SUR 740 597 199 - suriname;
SZ SWZ 748 268 200 z swaziland; SE SWE 752 046 201 z sweden; CH CHE 756 041 202 z switzerland;
SY SYR 760 963 203 - syria; TW TWN 158 886 204 z taiwan; TJ TJK 762 992 205 z tajikistan;
TZ TZA 834 255 206 - tanzania; TH THA 764 066 207 z thailand; TL TLS 626 670 246 z timor-leste;
TG TGO 768 228 208 z togo; TK TKL 772 690 245 - tokelau; TO TON 776 676 209 - tonga;
TT TTO 780 868 210 - trinidad-tobago; TN TUN 788 216 211 z tunisia; TR TUR 792 090 16 z turkey;
TM TKM 795 993 212 z turkmenistan; TC TCA 796 649 213 z turks-caicos; TV TUV 798 688 214 - tuvalu;
UG UGA 800 256 215 - uganda; UA UKR 804 380 216 z ukraine; AE ARE 784 971 217 - united-arab-emirates;
GB GBR 826 044 18 z united-kingdom; US USA 840 001 19 z united-states;
UM UMI 581 699 247 z united-states-minor-outlying-islands; VI VIR 850 340 248 z united-states-virgin-islands;
UY URY 858 598 218 z uruguay; UZ UZB 860 998 219 z uzbekistan; VU VUT 548 678 220 - vanuatu;
VA VAT 336 039 221 z vatican-city; VE VEN 862 058 222 z venezuela; VN VNM 704 084 17 z vietnam;
WF WLF 876 681 223 z wallis-futuna; EH ESH 732 212 249 z western-sahara; WS WSM 882 685 224 z western-samoa;
YE YEM 887 967 225 - yemen; ZM ZMB 894 260 226 z zambia; ZW ZWE 716 263 227 - zimbabwe
"""

SPELT = {
    "antigua-barbuda": "Antigua-Barbuda",
    "bonaire-st-eustatius-saba": "Bonaire-St. Eustatius-Saba",
    "bosnia-herzegovina": "Bosnia-Herzegovina",
    "burma-myanmar": "Burma (Myanmar)",
    "democratic-republic-of-congo": "Democratic Republic of Congo",
    "guinea-bissau": "Guinea-Bissau",
    "heard-island-mcdonald-islands": "Heard Island-McDonald Islands",
    "isle-of-man": "Isle of Man",
    "republic-of-congo": "Republic of Congo",
    "sao-tome-principe": "Sao Tome & Principe",
    "south-georgia-south-sandwich-islands": "South Georgia-South Sandwich Islands",
    "st-barthelemy": "St. Barthelemy",
    "st-helena": "St. Helena",
    "st-kitts": "St. Kitts",
    "st-lucia": "St. Lucia",
    "st-martin": "St. Martin",
    "st-pierre-miquelon": "St. Pierre & Miquelon",
    "st-vincent": "St. Vincent",
    "timor-leste": "Timor-Leste",
    "trinidad-tobago": "Trinidad & Tobago",
    "turks-caicos": "Turks & Caicos",
    "wallis-futuna": "Wallis & Futuna",
}

REGIONS = (
    "AB Alberta; BC British Columbia; MB Manitoba; NB New Brunswick; NL Newfoundland and Labrador; NT "
    "Northwest Territories; NS Nova Scotia; NU Nunavut; ON Ontario; PE Prince Edward Island; QC Quebec; "
    "SK Saskatchewan; YT Yukon"
)

Country = Annotated[Model | None, JavaType("com.liferay.portal.model.Country")]
Countries = list[Annotated[Model, JavaType("com.liferay.portal.model.Country")]]
Region = Annotated[Model | None, JavaType("com.liferay.portal.model.Region")]
Regions = list[Annotated[Model, JavaType("com.liferay.portal.model.Region")]]


def _country(store: Store, row: str) -> Model:
    a2, a3, number, idd, key, zip_mark, name = row.split()
    country_id = JavaLong(key)
    title = SPELT.get(name) or " ".join(word.capitalize() for word in name.split("-"))
    plain: dict[str, object] = {
        "a2": a2,
        "a3": a3,
        "active": True,
        "countryId": country_id,
        "idd": idd,
        "name": name,
        "number": number,
        "zipRequired": zip_mark == "z",
    }
    getters = model_getters(store, "Country", plain, key=country_id)
    nested = getters | originals(plain, ("a2", "a3", "active", "name")) | {"nameCurrentLanguageId": None}
    return Model(store.java("model", "Country"), plain | {"nameCurrentValue": title}, nested=nested)


def _region(store: Store, region_id: int, row: str) -> Model:
    code, name = row.split(" ", 1)
    plain: dict[str, object] = {
        "active": True,
        "countryId": JavaLong(1),
        "name": name,
        "regionCode": code,
        "regionId": JavaLong(region_id),
    }
    return Model(store.java("model", "Region"), plain, nested=model_getters(store, "Region", plain, key=region_id))


class CountryServices:
    """`/country` and `/region`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        for row in TABLE.replace("\n", "").split(";"):
            country = _country(store, row)
            store.table("Country")[int(str(country["countryId"]))] = country
        for region_id, row in enumerate(REGIONS.split("; "), 1001):
            store.table("Region")[region_id] = _region(store, region_id, row)

    def register(self, registry: Registry) -> None:
        """Register the services with their overloads."""
        countries: Actions = [
            ("/country/fetch-country", self.fetch_country),
            ("/country/fetch-country-by-a2", self.fetch_country_by_a2),
            ("/country/fetch-country-by-a3", self.fetch_country_by_a3),
            ("/country/get-countries", self.get_countries),
            ("/country/get-countries", self.get_active_countries),
            ("/country/get-country", self.get_country),
            ("/country/get-country-by-a2", self.get_country_by_a2),
            ("/country/get-country-by-a3", self.get_country_by_a3),
            ("/country/get-country-by-name", self.get_country_by_name),
        ]
        regions: Actions = [
            ("/region/fetch-region", self.fetch_region),
            ("/region/get-region", self.get_region),
            ("/region/get-region", self.get_region_by_code),
            ("/region/get-regions", self.get_regions),
            ("/region/get-regions", self.get_active_regions),
            ("/region/get-regions", self.get_regions_of_country),
            ("/region/get-regions", self.get_active_regions_of_country),
        ]
        register(registry, self._store.java("service", "CountryService"), countries)
        register(registry, self._store.java("service", "RegionService"), regions)

    def fetch_country(self, country_id: Long) -> Country:
        """The country, or null."""
        return self._store.table("Country").get(country_id)

    def fetch_country_by_a2(self, a2: str) -> Country:
        """The country with that code of two letters, or null."""
        return self._first("Country", "a2", a2)

    def fetch_country_by_a3(self, a3: str) -> Country:
        """The country with that code of three letters, or null."""
        return self._first("Country", "a3", a3)

    def get_countries(self) -> Countries:
        """Every country."""
        return list(self._store.table("Country").values())

    def get_active_countries(self, active: bool) -> Countries:  # noqa: FBT001 - the portal's parameter
        """Every country that is active, or none: all are."""
        return [country for country in self.get_countries() if country["active"] is active]

    def get_country(self, country_id: Long) -> Country:
        """The country with that id."""
        return self._store.row("Country", country_id)

    def get_country_by_a2(self, a2: str) -> Country:
        """The country with that code of two letters."""
        return self._store.only("Country", {"a2": a2})

    def get_country_by_a3(self, a3: str) -> Country:
        """The country with that code of three letters."""
        return self._store.only("Country", {"a3": a3})

    def get_country_by_name(self, name: str) -> Country:
        """The country with that name ("united-states")."""
        return self._store.only("Country", {"name": name})

    def fetch_region(self, country_id: Long, region_code: str) -> Region:
        """The region with that code, or null."""
        return next((row for row in self.get_regions_of_country(country_id) if row["regionCode"] == region_code), None)

    def get_region(self, region_id: Long) -> Region:
        """The region with that id."""
        return self._store.row("Region", region_id)

    def get_region_by_code(self, country_id: Long, region_code: str) -> Region:
        """The region of a country with that code."""
        return self._store.only("Region", {"countryId": country_id, "regionCode": region_code})

    def get_regions(self) -> Regions:
        """Every region."""
        return list(self._store.table("Region").values())

    def get_active_regions(self, active: bool) -> Regions:  # noqa: FBT001 - the portal's parameter
        """Every region that is active, or none: all are."""
        return [region for region in self.get_regions() if region["active"] is active]

    def get_regions_of_country(self, country_id: Long) -> Regions:
        """The regions of a country."""
        return [region for region in self.get_regions() if region["countryId"] == country_id]

    def get_active_regions_of_country(self, country_id: Long, active: bool) -> Regions:  # noqa: FBT001 - the portal's parameter
        """The regions of a country that are active, or none: all are."""
        return [region for region in self.get_regions_of_country(country_id) if region["active"] is active]

    def _first(self, table: str, name: str, value: object) -> Model | None:
        return next((row for row in self._store.table(table).values() if row[name] == value), None)
